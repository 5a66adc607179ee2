// Package sqlite is the embedded log: one SQLite file in a folder of its own.
//
//	DIR/events.db      the events; beside it SQLite keeps events.db-wal and events.db-shm while the log is in use
//	DIR/LOCK           who writes; held with flock by the one writer, so it is free again the moment that process ends
//
// Open is for the service: it makes the folder, takes the lock (*Locked names the holder) and appends with one connection
// in WAL mode with synchronous=FULL, so that Append returns after the fsync of its records. OpenReader is for everyone else: it
// works while the service runs and after it was killed, takes no lock, appends nothing and makes no log where there is none (ErrNoLog).
//
// A write or an fsync that fails breaks the log: the error wraps eventstore.ErrBroken and everything later answers it too. An
// fsync is never tried again, since after a failed one the system may have dropped the pages and report the next one clean.
// Whoever owns the log ends the process; the next start reads what is really there.
//
// OpenCopy is Open for records that another log has and has judged: it checks the chain alone, and waits for no disk (synchronous=NORMAL, larger
// pages). A power cut may take its newest appends, each of them whole.
//
// SQLite gives back flipped bytes without a word: nothing that is read here has been checked until eventstore.Replay, Tail or a
// Verifier has seen it. In the file, application_id says that it is a log of pm and user_version which layout it has.
package sqlite
