package localcopy

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// Options change what a copy says; the zero value is right for the service.
type Options struct {
	Logger    *slog.Logger        // nil: slog.Default
	OnDiscard func(reason string) // told of each copy that is discarded; it must be quick
}

// Log is a remote log with a local copy. It owns both.
type Log struct {
	remote        eventstore.Log
	dir, instance string
	o             Options
	log           *slog.Logger

	mu      sync.Mutex    // over copy: who replaces it, and who asks which one it is
	copy    *sqlite.Log   // nil: without a copy
	filling chan struct{} // held by the one who writes to the copy

	life context.Context // ends with Close
	end  context.CancelFunc
	feed *feed // of the followers; nil before the first one
	once sync.Once
	err  error // of Close
}

var _ eventstore.Log = (*Log)(nil)

// Open puts a copy in a folder before a remote log, which it owns from then on, also after an error. instance is for people, as with
// sqlite.Open, whose *Locked says that another process has the folder. The remote log is asked
// for its head and one record. *LostEnd says that it has lost what the copy proves that it had.
func Open(ctx context.Context, dir, instance string, remote eventstore.Log, o Options) (*Log, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	l := &Log{remote: remote, dir: dir, instance: instance, o: o, log: o.Logger.With("copy", dir), filling: make(chan struct{}, 1)}
	l.life, l.end = context.WithCancel(context.Background())
	if err := l.begin(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Portfolio is whose log this is.
func (l *Log) Portfolio() domain.PortfolioID { return l.remote.Portfolio() }

// Head is the end of the remote log now.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) { return l.remote.Head(ctx) }

// Append stores the records in the remote log; what that says is the answer, and the copy never fails an append. While somebody follows, the
// feed brings the records into the copy and the append does not wait for the local disk; else they are put there now, if nobody else is
// at it. What the copy lacks, a reading fetches.
func (l *Log) Append(ctx context.Context, at eventstore.Head, recs []eventstore.Record) error {
	if err := l.remote.Append(ctx, at, recs); err != nil {
		return err
	}
	if l.fed() {
		return nil
	}
	select {
	case l.filling <- struct{}{}:
		defer func() { <-l.filling }()
	default:
		return nil
	}
	c := l.current()
	if c == nil {
		return nil
	}
	var wrong *eventstore.WrongHead
	if err := c.Append(context.WithoutCancel(ctx), at, recs); err != nil && !errors.As(err, &wrong) && l.life.Err() == nil {
		l.without(c, err)
	}
	return nil
}

// current is the copy in use.
func (l *Log) current() *sqlite.Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copy
}

// Close ends the use of both logs.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.end()
		l.err = l.remote.Close()
		l.mu.Lock()
		f, c := l.feed, l.copy
		l.copy = nil
		l.mu.Unlock()
		if f != nil {
			<-f.done
		}
		if c != nil {
			l.err = errors.Join(l.err, c.Close())
		}
	})
	return l.err
}
