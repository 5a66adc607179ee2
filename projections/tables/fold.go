package tables

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"

	"pm/domain"
)

// A Fold makes the rows of every table from recorded events. One goroutine owns it.
type Fold struct {
	State   *domain.State
	history map[string]*column
	daily   daily
	gather  bool
}

// hashChunk is how many bytes of lines are hashed at once: line by line costs half as much again.
const hashChunk = 8 << 10

// column is what a fold carries along for a history table.
type column struct {
	rows   uint64
	digest hash.Hash // over all lines up to hashed
	lines  []byte    // since the last Take; while nothing is gathered, those that are not hashed yet
	hashed int       // how many bytes of lines are in the digest
}

// hash brings the digest up to date. Lines that nobody gathers are not needed any more.
func (c *column) hash(gather bool) {
	c.digest.Write(c.lines[c.hashed:])
	c.hashed = len(c.lines)
	if !gather {
		c.lines, c.hashed = c.lines[:0], 0
	}
}

// NewFold begins before revision 0. It keeps no rows of history, only their number and hash, until Gather.
func NewFold() *Fold {
	f := &Fold{State: domain.NewState(), history: map[string]*column{}}
	for _, t := range present {
		if t.Class == History {
			f.history[t.Name] = &column{digest: sha256.New()}
		}
	}
	return f
}

// Gather keeps the rows of history from here on, for Take.
func (f *Fold) Gather() {
	for _, c := range f.history {
		c.hash(f.gather)
	}
	f.gather = true
}

// Apply folds one event. After an error the fold must not be used.
func (f *Fold) Apply(r domain.Recorded) error {
	f.daily.before(f, &r)
	if err := f.State.Apply(r); err != nil {
		return err
	}
	when := at{r.Rev, r.At}
	switch e := r.Event.(type) {
	case *domain.SignalReceived:
		add(f, &signals, &signalRow{when, e})
	case *domain.SignalRejected:
		for n := range e.Reasons {
			add(f, &refusals, &refusalRow{when, n, e})
		}
	case *domain.OrderFilled:
		add(f, &fills, &fillRow{when, e, f.State.Known(e.OrderID)})
		f.daily.after(f, e)
		f.ended(when, e.OrderID)
	case *domain.OrderRejected:
		f.ended(when, e.OrderID)
	case *domain.OrderNotAccepted:
		f.ended(when, e.OrderID)
	case *domain.OrderCanceled:
		f.ended(when, e.OrderID)
	case *domain.OrderExpired:
		f.ended(when, e.OrderID)
	}
	closed := f.State.Closed()
	if len(closed) > 1 { // rows come in the order of their key
		closed = slices.SortedFunc(slices.Values(closed), func(a, b *domain.Layer) int { return cmp.Compare(a.PositionID, b.PositionID) })
	}
	for _, l := range closed {
		add(f, &trades, &tradeRow{when, l})
		f.daily.of(l.Instrument).closed++
	}
	return nil
}

// ended notes an order that the event ended, or that filled after its end.
func (f *Fold) ended(when at, id domain.OrderID) {
	if o := f.State.Recent.Order(id); o != nil {
		add(f, &endedOrders, &endedRow{when, o})
	}
}

func add[T any](f *Fold, t *historyTable[T], row *T) {
	c := f.history[t.Name]
	if c == nil {
		return // a table that this build is not to know
	}
	c.lines = append(appendLine(c.lines, t.fields, row), '\n')
	c.rows++
	if len(c.lines)-c.hashed >= hashChunk {
		c.hash(f.gather)
	}
}

// Gathered is how many bytes of history wait for Take.
func (f *Fold) Gathered() int {
	if !f.gather {
		return 0
	}
	n := 0
	for _, c := range f.history {
		n += len(c.lines)
	}
	return n
}

// Take gives the lines of history since the last Take, by table, each with its end of line.
func (f *Fold) Take() map[string][]byte {
	out := map[string][]byte{}
	for name, c := range f.history {
		if f.gather && len(c.lines) > 0 {
			c.hash(true)
			out[name], c.lines, c.hashed = c.lines, nil, 0
		}
	}
	return out
}

// Content is what every table holds at one revision: the lines of the state tables and the hashes of the history.
type Content struct {
	State   map[string][]string // sorted lines, by table
	History map[string]Sum
}

// Sum stands for the rows of a history table.
type Sum struct {
	Rows   uint64
	Digest string // hex SHA-256 over all lines, each with its end of line
}

// Content is what the tables hold now.
func (f *Fold) Content() Content {
	c := Content{State: map[string][]string{}, History: map[string]Sum{}}
	for _, t := range stateTables {
		if t.Since <= Version() {
			c.State[t.Name] = t.lines(f)
		}
	}
	for name, h := range f.history {
		h.hash(f.gather)
		c.History[name] = Sum{h.rows, hex.EncodeToString(h.digest.Sum(nil))}
	}
	return c
}

// Hash is the hash over all tables in their declared order, hex: what the head row carries to show a snapshot that is torn.
func (c Content) Hash() string {
	h := sha256.New()
	var b []byte
	for _, t := range present {
		b = append(append(b[:0], t.Name...), '\n')
		if t.Class == History {
			sum := c.History[t.Name]
			b = append(append(strconv.AppendUint(b, sum.Rows, 10), ' '), sum.Digest...)
			b = append(b, '\n')
			h.Write(b)
			continue
		}
		b = append(strconv.AppendInt(b, int64(len(c.State[t.Name])), 10), '\n')
		h.Write(b)
		for _, line := range c.State[t.Name] {
			h.Write(append(append(b[:0], line...), '\n'))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
