package projections

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// fold reads a log to its end into an index and writes what waits.
func fold(t *testing.T, x Index, log eventstore.Log) *History {
	t.Helper()
	h := NewHistoryIn(x)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Follow(ctx, log) }()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.WaitFor(t.Context(), head.Next-1))
	stop()
	require.NoError(t, <-ended)
	return h
}

// listed is everything that the lists show.
func listed(t *testing.T, h *History) string {
	t.Helper()
	out, err := json.Marshal([]any{h.Signals(Filter{}, nil, 1000).Rows, h.Orders(Filter{}, nil, 1000).Rows, h.Closed(Filter{}, nil, 1000).Rows})
	require.NoError(t, err)
	return string(out)
}

// counting says which rows were written.
type counting struct {
	*MemoryIndex
	signals int
	fails   error
}

func (c *counting) Write(ctx context.Context, rows Rows, head IndexHead) error {
	if c.fails != nil {
		return c.fails
	}
	c.signals += len(rows.Signals)
	return c.MemoryIndex.Write(ctx, rows, head)
}

func TestARestartGoesOnWhereTheIndexStands(t *testing.T) {
	d := newDesk(t)
	x := &counting{MemoryIndex: NewMemoryIndex()}
	d.trade()
	fold(t, x, d.log)
	require.Equal(t, 2, x.signals)
	d.send(niftyBase) // cut in the middle of an order's life
	fold(t, x, d.log)
	d.fill("50000")
	d.send(niftyExit)
	h := fold(t, x, d.log)
	require.Equal(t, 4, x.signals, "what was there is not written again")
	fresh, err := ReadHistory(t.Context(), d.log)
	require.NoError(t, err)
	require.Equal(t, listed(t, fresh), listed(t, h))
	require.Contains(t, listed(t, h), `"position_ids":["BANK_NIFTY-2-Long_1"]`)
	for id := range x.touched {
		a, err := h.Touched(id, 1000)
		require.NoError(t, err)
		b, err := fresh.Touched(id, 1000)
		require.NoError(t, err)
		require.Equal(t, b, a, id)
	}
}

func TestALateFillOfAnOrderThatEndedBeforeTheRestartIsBooked(t *testing.T) {
	d := newDesk(t)
	x := NewMemoryIndex()
	d.send(niftyBase)
	o := d.sent()
	d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Canceled: true, Text: "asked for", Now: d.now})
	fold(t, x, d.log)
	d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Now: d.now, Fills: []domain.Fill{
		{ExecID: "1", Units: 2 * o.LotSize, Price: domain.D("50000"), Fee: domain.D("0")},
	}})
	late, _, err := fold(t, x, d.log).Order(string(o.OrderID))
	require.NoError(t, err)
	require.Equal(t, 2, late.FilledLots)
	require.Equal(t, "asked for", late.Reason)
	require.NotNil(t, late.CreatedAt)
}

func TestAnIndexOfAnotherLogOrFoldIsMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(*IndexHead){
		"another hash at its head":  func(h *IndexHead) { h.Head.Hash[0] ^= 1 },
		"further than the log":      func(h *IndexHead) { h.Head.Next += 1000 },
		"another portfolio":         func(h *IndexHead) { h.Portfolio = "other" },
		"an older fold":             func(h *IndexHead) { h.Version-- },
		"rows and no head":          func(h *IndexHead) { *h = IndexHead{} },
		"the head of a younger log": func(h *IndexHead) { h.Head.Next--; h.Head.Hash[0] ^= 1 },
	} {
		d := newDesk(t)
		d.trade()
		x := NewMemoryIndex()
		want := listed(t, fold(t, x, d.log))
		x.signals.rows[0].SignalID = "spoilt" // what an index of another log would hold
		spoil(&x.head)
		if name == "rows and no head" {
			x.empty()
		}
		require.Equal(t, want, listed(t, fold(t, x, d.log)), name)
	}
}

func TestAnIndexThatCannotBeWrittenHoldsNothingUpAndIsShown(t *testing.T) {
	d := newDesk(t)
	full := errors.New("the disk is full")
	x := &counting{MemoryIndex: NewMemoryIndex(), fails: full}
	h := NewHistoryIn(x)
	follow(t, h, d.log)
	d.trade()
	caughtUp(t, d, h)
	page := h.Signals(Filter{}, nil, 10)
	require.ErrorIs(t, page.Err, full)
	require.Empty(t, page.Rows)
	require.ErrorIs(t, h.Health().Trouble, full)
	h.mu.Lock()
	x.fails = nil
	h.mu.Unlock()
	require.Eventually(t, func() bool { return h.Health().Trouble == nil }, 5*time.Second, 5*time.Millisecond, "it tries again by itself")
	require.Len(t, h.Signals(Filter{}, nil, 10).Rows, 2)
}

func TestOnlySoManyRowsWaitForAWrite(t *testing.T) {
	d := newDesk(t)
	x := &counting{MemoryIndex: NewMemoryIndex(), fails: errors.New("the disk is full")}
	h := NewHistoryIn(x)
	for range MaxGathered + 10 {
		d.send(niftyBar)
	}
	require.NoError(t, h.adopt(t.Context(), d.log))
	_, err := eventstore.Replay(t.Context(), d.log, 0, h.take)
	require.ErrorIs(t, err, x.fails)
	require.Equal(t, MaxGathered, h.wait.size())
	next := h.next
	x.fails = nil
	_, err = eventstore.Replay(t.Context(), d.log, next, h.take)
	require.NoError(t, err, "it goes on with the same event")
	require.Len(t, h.Signals(Filter{}, nil, 10_000).Rows, MaxGathered+10)
}
