package paper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain/engine"
)

const (
	// BookOrders is how many of the newest orders a Book shows beside those that have not ended. It counts orders and not
	// hours on purpose: after a week without pm, the order whose answer was never heard is still among the newest, and a
	// book that left it out would prove it absent while its units are held.
	BookOrders = 5000
	// pollEvery is how often a working order is worth reading.
	pollEvery = 200 * time.Millisecond
	// settleBatch bounds the orders that one transaction lets advance.
	settleBatch = 500
)

// ErrClosed says that the broker was closed.
var ErrClosed = errors.New("paper broker: closed")

// errNotBegun marks a write of which not a byte was made.
var errNotBegun = errors.New("nothing was written")

var traits = engine.Traits{Tags: true, Settle: 0, Poll: pollEvery, Sandbox: true}

// Broker keeps its book in a file. It is safe for concurrent use, and several processes may share one book.
type Broker struct {
	opts   Options
	dir    string
	turn   chan struct{} // held by the one who uses what stands below it
	read   *Reader
	conn   *sqlite.Conn
	broken error // a failed write: what the file holds is not known until it has been opened anew, so nothing is written or answered before
	closed bool
	once   sync.Once
}

// Open opens the book DIR/paper.db and creates it where there is none. Errors: options out of bounds, ErrNotABook, the
// file system's.
func Open(dir string, opts Options) (*Broker, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	conn, err := openWriter(dir)
	if err != nil {
		return nil, err
	}
	read, err := OpenReader(dir)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Broker{opts: opts, dir: dir, conn: conn, read: read, turn: make(chan struct{}, 1)}, nil
}

// Close waits for the call under way and closes the book. Later calls answer ErrClosed.
func (b *Broker) Close() (err error) {
	b.once.Do(func() {
		b.turn <- struct{}{}
		b.closed = true
		err = b.shut()
		<-b.turn
	})
	return err
}

// Name is "paper".
func (b *Broker) Name() string { return "paper" }

// Traits: tags, and a book that proves presence and absence at once.
func (b *Broker) Traits() engine.Traits { return traits }

// Send takes the order, durably before it answers Accepted. A context that has ended before the book was begun is Refused;
// once begun, the send runs to its end. An error of the file is Unknown, like every doubt.
func (b *Broker) Send(ctx context.Context, o engine.Order) engine.Answer {
	if no := refusal(o, b.opts); no != nil {
		return *no
	}
	var out engine.Answer
	err := b.write(ctx, func() (err error) {
		out, err = b.take(o)
		return err
	})
	switch {
	case errors.Is(err, errNotBegun):
		return engine.Answer{Kind: engine.Refused, Code: CodeNotSent, Text: err.Error()}
	case err != nil:
		return engine.Answer{Kind: engine.Unknown, Code: "book_failed", Text: err.Error()}
	}
	return out
}

// take numbers the send, lets its fault happen and writes the order with the fills that it gets at once.
func (b *Broker) take(o engine.Order) (engine.Answer, error) {
	send, err := count(b.conn, "UPDATE book SET sends = sends + 1 RETURNING sends")
	if err != nil {
		return engine.Answer{}, err
	}
	fault := b.opts.fault(send, o)
	if !fault.taken() {
		return fault.answer(""), nil
	}
	last, err := count(b.conn, "SELECT coalesce(max(n), 0) FROM orders")
	if err != nil {
		return engine.Answer{}, err
	}
	now := b.opts.now()
	placed := place(last+1, o, now, b.opts, fault)
	placed.advance(now)
	return fault.answer(placed.BrokerID), insert(b.conn, placed)
}

// Cancel ends an order that has not ended; what has filled by now stays. Errors: ErrNoOrder, ErrClosed, the file's.
func (b *Broker) Cancel(ctx context.Context, id string) error {
	n, err := orderNumber(id)
	if err != nil {
		return fmt.Errorf("cancel %q: %w", id, err)
	}
	err = b.write(ctx, func() error {
		found, err := load(b.conn, "WHERE o.n = ? ORDER BY f.k", n)
		if err != nil || len(found) == 0 {
			return errors.Join(err, missing(found))
		}
		o := found[0]
		if o.Status != engine.BookOpen {
			return nil
		}
		fills := o.advance(b.opts.now())
		o.cancel()
		return update(b.conn, o, fills)
	})
	if err != nil {
		return fmt.Errorf("cancel %q: %w", id, err)
	}
	return nil
}

// Order reads one order as it stands now. Errors: ErrNoOrder, ErrClosed, the file's.
func (b *Broker) Order(ctx context.Context, id string) (engine.BookOrder, error) {
	read, err := b.settle(ctx)
	if err != nil {
		return engine.BookOrder{}, fmt.Errorf("order %q: %w", id, err)
	}
	return read.order(ctx, id)
}

// Book reads every order that has not ended, the BookOrders newest orders, and the units held over everything, all of one
// moment not before ReadAt.
func (b *Broker) Book(ctx context.Context) (engine.Book, error) {
	now := b.opts.now()
	read, err := b.settle(ctx)
	if err != nil {
		return engine.Book{}, err
	}
	return read.book(ctx, now)
}

// AllOrders reads the whole history, oldest first. For tests and audits: it is as long as the book is old.
func (b *Broker) AllOrders(ctx context.Context) ([]engine.BookOrder, error) {
	read, err := b.settle(ctx)
	if err != nil {
		return nil, err
	}
	return read.AllOrders(ctx)
}

// settle records what has become due since the book was last looked at, and gives the reader that sees it.
func (b *Broker) settle(ctx context.Context) (*Reader, error) {
	for now := b.opts.now(); ; {
		read, err := b.usable(ctx)
		if err != nil {
			return nil, err
		}
		waiting, err := read.anyDue(ctx, now)
		if err != nil || !waiting {
			return read, err
		}
		if err := b.write(ctx, func() error { return b.advanceDue(now) }); err != nil {
			return nil, err
		}
	}
}

func (b *Broker) advanceDue(now time.Time) error {
	due, err := load(b.conn, "WHERE o.n IN (SELECT n FROM orders WHERE due <= ? ORDER BY due, n LIMIT ?) ORDER BY o.n, f.k",
		now.UnixNano(), settleBatch)
	if err != nil {
		return err
	}
	for _, o := range due {
		if err := update(b.conn, o, o.advance(now)); err != nil {
			return err
		}
	}
	return nil
}

// usable waits for the turn and gives the reader, or says why the book cannot be asked.
func (b *Broker) usable(ctx context.Context) (*Reader, error) {
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	read := b.read
	<-b.turn
	return read, nil
}

// enter takes the turn. On an error the turn is not held and nothing was written.
func (b *Broker) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errNotBegun, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNotBegun, ctx.Err())
	case b.turn <- struct{}{}:
	}
	if b.closed {
		<-b.turn
		return fmt.Errorf("%w: %w", errNotBegun, ErrClosed)
	}
	if err := b.mended(); err != nil {
		<-b.turn
		return fmt.Errorf("%w: the book failed before: %w; opening it anew: %w", errNotBegun, b.broken, err)
	}
	return nil
}

// write runs one durable transaction. errNotBegun: the file is untouched. ErrNoOrder: looked, and changed nothing. Any
// other error leaves it unknown whether the disk has the change: the next use opens the book anew and reads what is there.
func (b *Broker) write(ctx context.Context, do func() error) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer func() { <-b.turn }()
	if err := sqlitex.Execute(b.conn, "BEGIN IMMEDIATE", nil); err != nil {
		return fmt.Errorf("%w: %w", errNotBegun, err)
	}
	err := do()
	if err == nil {
		err = sqlitex.Execute(b.conn, "COMMIT", nil)
	}
	if err == nil {
		return nil
	}
	if !b.conn.AutocommitEnabled() {
		err = errors.Join(err, sqlitex.Execute(b.conn, "ROLLBACK", nil))
	}
	if !errors.Is(err, ErrNoOrder) {
		b.broken = err
	}
	return err
}

func missing(found []order) error {
	if len(found) == 0 {
		return ErrNoOrder
	}
	return nil
}
