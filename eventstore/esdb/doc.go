// Package esdb keeps a portfolio's log in EventStoreDB, through the client library EventStore-Client-Go v4.2.0.
//
//	log, err := esdb.Open(ctx, "esdb://pm:secret@store:2113", "main", esdb.Options{})
//
// The stream is portfolio-<id>. Each record is one event: its id is the record's id, its data the record's data as JSON, its user
// metadata {"pm":<meta verbatim>,"hash":"<hex>"}. What the server adds (its own time, its position) is never looked at.
//
// Appending. The expected revision always goes along; one function makes the options. An append has 500 ms. When it is not known
// whether it was stored (deadline, reset, a connection that ended), the revisions are read back: our own bytes there are a success,
// other bytes are *eventstore.WrongHead, an event that is no record of pm *eventstore.Corrupt, and nothing there means that the same
// records go again at the same head. What the user may not do is ErrRefused, what the store finds too large ErrAppendSize. What stays unknown is
// eventstore.ErrOutcomeUnknown, and the caller asks again with the same records. Once an append has been sent, the caller's context
// ends the repeating and not the append.
//
// Reading. Reads go to the leader, in chunks, and go on where they were after a connection has ended; Follow does so for as long as its
// context lasts. A stream that forgets is no log: one that is truncated, soft-deleted, tombstoned, or has a maximal age or count, is
// *eventstore.Corrupt. As with every log, the records are as stored: Replay and Verifier check them.
//
// The connection string is the library's own, esdb://[user:password@]host[:port][,host:port...][?tls=...], and stricter: unknown
// settings, and credentials that would not be sent (tls=false, no password), are refused. It may hold a password; Redacted is the form
// for logs, and no error of this package shows more.
//
// The library has habits that would hurt (ADR 0018). The one that shapes this package: when finding the server fails, other callers of the
// same client wait for ever, deaf to their context, and a reconnect leaks a connection. So a client of the library never has two
// callers: each call takes one of its own from a small stock, and after a failure that client is closed, not mended.
package esdb
