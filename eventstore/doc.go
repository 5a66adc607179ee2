// Package eventstore is the log: the one truth of a portfolio (log format, version 1).
//
// A log is a dense row of records from revision 0. A Record is two byte strings, meta and data, that every store keeps
// verbatim, and the hash of both. Each meta names the hash of the record before, so that a change anywhere breaks the chain
// after it. docs/LOG-FORMAT.md shows three records in full.
//
// Writing. A Sealer turns drafts (event, time, correlation) into records that continue a head; Log.Append stores a batch of them
// whole and durably, or not at all, and only at the head that the writer believes in:
//
//	sealer := eventstore.NewSealer(head, last, eventstore.Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 3})
//	rec, recorded, err := sealer.Seal(eventstore.Draft{Event: &domain.BarClosed{...}, At: now})
//	err = log.Append(ctx, head, []eventstore.Record{rec})
//
// Reading. Log.Read hands out bytes as they are stored; stores give back flipped bits without a word, so nobody folds them
// unchecked. Replay and Tail check every record (length, hash, previous hash, revision, portfolio, time, epoch, instance, type and
// version) before an event is seen. Audit checks each id too, as evidence needs it and a start does not. What fails is *Corrupt (DATA_CORRUPT) or *UnknownEvent (UNKNOWN_EVENT), with the revision.
//
// Where it lives. Memory is a log for tests and backtests, with hooks for every fault; eventstore/sqlite is the embedded default.
// eventstore/logtest is the suite that every log passes. Export and Import move a log between stores without changing a byte;
// ExportReader checks an export by itself, and eventstore/signature says who vouches for it.
//
// A new form of an event gets an upcaster (upcast.go) that is never deleted; it is written only after FormatRaised{to} has been
// recorded. A build that meets a type, a version or a format that it does not know stops and names the build that wrote it.
package eventstore
