package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// AppendDeadline is how long the server has for an append. The library's own 10 s would hold up an exit for as long.
const AppendDeadline = 500 * time.Millisecond

// patience bounds every wait for the server but an append's.
type patience struct {
	connect time.Duration // finding and reaching it
	read    time.Duration // a short read: the head, the metadata, the records of an append whose answer was lost
	stall   time.Duration // a long reading that says nothing; the library has no deadline for reads
	confirm time.Duration // a subscription that is not taken up; afterwards silence is nothing unusual, and the keep-alive finds a dead connection
}

// usualPatience is the service's.
var usualPatience = patience{connect: 4 * time.Second, read: 2 * time.Second, stall: 10 * time.Second, confirm: 4 * time.Second}

const (
	// maxWait bounds the pauses between two tries of a read or a follower.
	maxWait = time.Second
	// firstWait is the first of these pauses; each is twice the one before.
	firstWait = 20 * time.Millisecond
)

// openWaits are the pauses between the tries of Open.
var openWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// Options change how a log behaves; the zero value is right for the service.
type Options struct {
	AppendDeadline time.Duration   // 0: AppendDeadline
	OpenWaits      []time.Duration // nil: 1, 2 and 4 s; tests wait less
	Logger         *slog.Logger    // nil: slog.Default

	patience *patience // nil: usualPatience; tests have less
}

// Log is a portfolio's log in EventStoreDB.
type Log struct {
	portfolio domain.PortfolioID
	stream    string
	o         Options
	log       *slog.Logger
	clients   *clients
	readOnly  bool

	life   context.Context // ends with Close
	end    context.CancelFunc
	write  chan struct{}   // held by the one append under way; after it only its holder touches last and proven
	last   eventstore.Head // of the last append or head that was seen
	proven bool            // an append of this handle was read back: its bytes stand there
	once   sync.Once
}

var _ eventstore.Log = (*Log)(nil)

// Stream is the name of a portfolio's stream.
func Stream(p domain.PortfolioID) string { return "portfolio-" + string(p) }

// Open connects to the event store and looks at the portfolio's stream, which need not exist yet. A store that cannot be reached is tried
// again after 1, 2 and 4 s, then the error wraps ErrUnavailable; one that forgets events is *eventstore.Corrupt; a connection string that
// cannot be used wraps ErrAddress.
func Open(ctx context.Context, address string, p domain.PortfolioID, o Options) (*Log, error) {
	return open(ctx, address, p, Stream(p), o, false)
}

// OpenReader does what Open does, for a log that appends nothing.
func OpenReader(ctx context.Context, address string, p domain.PortfolioID, o Options) (*Log, error) {
	return open(ctx, address, p, Stream(p), o, true)
}

func open(ctx context.Context, address string, p domain.PortfolioID, stream string, o Options, readOnly bool) (*Log, error) {
	if p == "" {
		return nil, errors.New("open the log: a portfolio must be named")
	}
	config, err := parse(address)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if o.AppendDeadline == 0 {
		o.AppendDeadline = AppendDeadline
	}
	if o.OpenWaits == nil {
		o.OpenWaits = openWaits
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.patience == nil {
		o.patience = &usualPatience
	}
	config.Logger = logging(o.Logger)
	l := &Log{portfolio: p, stream: stream, o: o, log: o.Logger.With("eventstore", Redacted(address)), clients: &clients{config: config, patience: *o.patience},
		readOnly: readOnly, write: make(chan struct{}, 1)}
	l.life, l.end = context.WithCancel(context.Background())
	if config.SkipCertificateVerification && !config.DisableTLS {
		l.log.Warn("tlsVerifyCert=false: anybody on the way could be the event store")
	}
	if err := l.reach(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log at %s: %w", Redacted(address), err), l.Close())
	}
	return l, nil
}

// reach looks at the stream, and again after each pause while the store is away.
func (l *Log) reach(ctx context.Context) (err error) {
	for try := 0; ; try++ {
		if l.last, err = l.Head(ctx); err == nil {
			err = l.Remembers(ctx)
		}
		if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil || try == len(l.o.OpenWaits) {
			return err
		}
		l.log.Warn("the event store cannot be reached, trying again", "wait", l.o.OpenWaits[try], "error", err)
		if err := l.pause(ctx, l.o.OpenWaits[try]); err != nil {
			return err
		}
	}
}

// Portfolio is whose log this is.
func (l *Log) Portfolio() domain.PortfolioID { return l.portfolio }

// usable says why nothing can begin now.
func (l *Log) usable(ctx context.Context) error {
	if l.life.Err() != nil {
		return eventstore.ErrClosed
	}
	return ctx.Err()
}

// within ends with the caller's context or with the log.
func (l *Log) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// pause waits, or says why not.
func (l *Log) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.life.Done():
		return eventstore.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failed gives a failure of the server its name here.
func (l *Log) failed(ctx context.Context, err error) error {
	var corrupt *eventstore.Corrupt
	if err == nil || errors.As(err, &corrupt) {
		return err
	}
	if end := l.usable(ctx); end != nil {
		return end
	}
	switch kindOf(err) {
	case deleted:
		return l.buried()
	case refused:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	default: // a conflict, an absent stream and what is too large are judged by whoever called
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

// buried is what a stream with a tombstone is.
func (l *Log) buried() error {
	return &eventstore.Corrupt{Rev: 0, Reason: "the stream " + l.stream + " was deleted for good"}
}

// Close ends the use of the log. An append under way ends with eventstore.ErrOutcomeUnknown, since nobody waits for its answer any more.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.end()
		l.clients.close()
	})
	return nil
}
