package domain

// A log has a format: a number that says which forms of events may stand in it. It begins with FirstFormat and rises only by FormatRaised,
// a person's word that every instance runs a build which knows the new one. Until then a build writes each event as the format of
// the log has it, so that an older instance beside it can still read everything.

// FirstFormat is the format that every log begins with.
const FirstFormat = 1

// newestFormat is the newest format that this source knows. eventstore/upcast.go lists what changed with each.
const newestFormat = 2

// Format is the newest log format that this build reads and writes.
const Format = newestFormat - formatsBehind
