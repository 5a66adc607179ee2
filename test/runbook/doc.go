// Package runbook holds docs/RUNBOOK.md to what it promises.
//
// The page: every code with which pm ends or warns, every cause with which it stops entries, and every alarm has one entry, and no entry
// is for something that does not exist. The codes are read from the source, so a new one without an entry fails (codes.go). An entry has
// blocks of commands, fenced as "sh" with a name, and the table at the top leads to every entry (page.go).
//
// The drills (make drills): for each entry a test brings a real pm into its state, on a real PostgreSQL where that is part of it, lets bash
// run the entry's blocks as they stand on the page, with nothing but the page's own variables set, and looks whether pm is healthy at the
// end: ready, in agreement with its snapshot, with the positions that it should have, taking an entry, stopping in order, and verified by
// pmctl. Between two blocks a drill does what the page tells a person to do and no command can: mount the disk, bring the database back.
//
// A block that no drill runs fails the test, unless notDrilled says why it cannot be run.
package runbook
