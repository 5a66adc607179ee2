package main

import (
	"context"
	"errors"
	"fmt"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/localcopy"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// openRemote opens the log in EventStoreDB with its local copy in the data folder. The copy's lock also keeps a second pm off this folder;
// nothing but the expected revision keeps one on another machine from writing, and that one learns it with its first append.
func (s *service) openRemote(ctx context.Context) (eventstore.Log, error) {
	remote, err := esdb.Open(ctx, s.cfg.EventStore.URL.Reveal(), s.cfg.Portfolio.ID, esdb.Options{Logger: s.log, OpenWaits: s.p.retryWaits})
	if err != nil {
		return nil, s.remoteHalt(err)
	}
	s.remembers = remote.Remembers
	log, err := localcopy.Open(ctx, s.cfg.EventStore.Dir, s.instance, remote, localcopy.Options{Logger: s.log, OnDiscard: func(reason string) {
		fmt.Fprintf(s.p.out, "the local copy of the log was discarded and is fetched again: %s\n", reason)
	}})
	if err != nil {
		return nil, s.remoteHalt(err)
	}
	return log, nil
}

// remoteBytes is how many bytes go into one append across the wire before what waits has to wait for the next. The event store takes 1 MiB
// at once unless it was told otherwise, and a larger append would end this process. On top come one more signal (a body of 16 KiB is up to
// 96 KiB in the log, where a control character takes six bytes) and what became due: exits of everything that is held take about 2 KiB a
// position. A quarter of a MiB leaves them room, and passes in an append's half second on a slow line too.
const remoteBytes = 256 << 10

// maxBytes is the engine's limit of one append, 0 for none of its own.
func (s *service) maxBytes() int {
	if s.cfg.EventStore.Server {
		return remoteBytes
	}
	return 0
}

// remoteHalt says why the log across the wire could not be opened.
func (s *service) remoteHalt(err error) error {
	var corrupt *eventstore.Corrupt
	var lost *localcopy.LostEnd
	if errors.As(err, &lost) {
		return &halt{Code: projections.CodeDataCorrupt, Revision: lost.Remote.Next, Err: err, Hint: installation.CopyHint(lost.Dir, s.where())}
	}
	if errors.As(err, &corrupt) {
		return &halt{
			Code: projections.CodeDataCorrupt, Revision: corrupt.Rev, Err: err,
			Hint: fmt.Sprintf("the stream was changed or forgets events, and is never mended: look at it with `pmctl log info %s`; "+
				"a log must have no $maxAge, $maxCount or $tb", s.where()),
		}
	}
	var locked *sqlite.Locked
	if errors.As(err, &locked) {
		return s.logHalt(err)
	}
	return &halt{
		Code: projections.CodeEventstoreUnavailable, Err: err,
		Hint: fmt.Sprintf("see whether the event store at %s runs, can be reached from here and takes this user, then start again", esdb.Redacted(s.cfg.EventStore.URL.Reveal())),
	}
}

// storeHint says where to look after a write that failed.
func (s *service) storeHint() string {
	if s.cfg.EventStore.Server {
		return "see whether the event store runs, can be reached from here and takes writes"
	}
	return "see whether the disk is full or failing"
}
