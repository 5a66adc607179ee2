package projections

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/domain"
	"pm/eventstore"
)

// follow runs a history until the end of the test; the function that it gives waits for what ended it.
func follow(t *testing.T, h *History, log eventstore.Log) (ended func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = h.Follow(ctx, log)
	}()
	ended = func() error { <-done; return err }
	t.Cleanup(func() {
		stop()
		<-done
		goleak.VerifyNone(t)
	})
	return ended
}

func caughtUp(t *testing.T, d *desk, h *History) {
	t.Helper()
	require.NoError(t, h.WaitFor(t.Context(), d.state.Events-1))
}

func TestAHistoryKeepsWhatTheStateLetsGoOf(t *testing.T) {
	d := newDesk(t)
	h := NewHistory()
	follow(t, h, d.log)
	d.trade()
	d.send(niftyExit)
	caughtUp(t, d, h)

	signals := h.Signals(Filter{}, nil, 10)
	require.Len(t, signals.Rows, 3)
	require.Equal(t, HeadOf(d.sealer.Head()), signals.Head)
	require.Equal(t, "not_open", signals.Rows[0].Reasons[0].Code)
	require.Equal(t, domain.ReasonNotOpen.Sentence(), signals.Rows[0].Reasons[0].Message)
	require.Equal(t, domain.ActionExit, signals.Rows[1].Decision.Action)
	require.Equal(t, domain.ActionOpenBase, signals.Rows[2].Decision.Action)
	require.Equal(t, "risk", signals.Rows[2].Decision.Limiter)
	require.Len(t, h.Signals(Filter{Status: "rejected"}, nil, 10).Rows, 1)
	require.Empty(t, h.Signals(Filter{Instrument: "COPPER"}, nil, 10).Rows)

	orders := h.Orders(Filter{}, nil, 10).Rows
	require.Len(t, orders, 2)
	require.Equal(t, []string{"BANK_NIFTY-1-Long_1"}, orders[0].PositionIDs)
	require.Equal(t, "BANK_NIFTY-1-Long_1", orders[1].PositionID)
	require.Equal(t, OrderEndFilled, orders[1].Status)
	require.True(t, orders[1].CreatedAt.Before(orders[1].UpdatedAt))
	require.Empty(t, h.Orders(Filter{Status: FilterOpen}, nil, 10).Rows)

	closed := h.Closed(Filter{}, nil, 10).Rows
	require.Len(t, closed, 1)
	require.Equal(t, "95800", closed[0].NetPnL.String())
	one, _, err := h.Position("BANK_NIFTY-1-Long_1")
	require.NoError(t, err)
	require.Equal(t, closed[0], *one)
}

func TestAHistoryGivesTheSameOutcomeAsTheFirstAnswer(t *testing.T) {
	d := newDesk(t)
	h, j := NewHistory(), NewJournal(d.log)
	follow(t, h, d.log)
	var answers []domain.Outcome
	for _, body := range []string{niftyBase, niftyBar, niftyBase, niftyExit} {
		answers = append(answers, domain.OutcomeOf(d.send(body)))
		if len(d.state.Orders) > 0 {
			d.fill("50000")
		}
	}
	caughtUp(t, d, h)
	for i, s := range h.Signals(Filter{}, nil, 10).Rows {
		want := answers[len(answers)-1-i]
		read, err := j.Outcome(t.Context(), s.Revision)
		require.NoError(t, err)
		require.Equal(t, want, read)
		require.Equal(t, want.Revision, s.Revision)
		require.Equal(t, want.Status, s.Outcome)
		if want.Status == domain.OutcomeAccepted {
			require.Equal(t, DecisionOf(want), *s.Decision)
		} else {
			require.Equal(t, ReasonsOf(want.Reasons), s.Reasons)
		}
	}
}

func TestWhatAChainRecordsLaterIsNoPartOfItsFirstOutcome(t *testing.T) {
	d := newDesk(t)
	h := NewHistory()
	follow(t, h, d.log)
	made := d.send(niftyBar)
	at := d.sealer.Head()
	rec, r, err := d.sealer.Seal(eventstore.Draft{At: d.now, Corr: made[0].Corr, Event: &domain.ExitRequested{
		IntentID: domain.NewIntentID("BANK_NIFTY", d.state.IntentCount), Instrument: "BANK_NIFTY", Claims: []domain.Claim{}, Cause: domain.CauseStopHit,
	}})
	require.NoError(t, err)
	require.NoError(t, d.state.Apply(r))
	require.NoError(t, d.log.Append(t.Context(), at, []eventstore.Record{rec}))
	caughtUp(t, d, h)
	require.Equal(t, domain.ActionMark, h.Signals(Filter{}, nil, 1).Rows[0].Decision.Action)
	read, err := NewJournal(d.log).Outcome(t.Context(), made[0].Rev)
	require.NoError(t, err)
	require.Equal(t, domain.ActionMark, read.Action)
}

func TestALateFillChangesAnOrderThatHadEnded(t *testing.T) {
	d := newDesk(t)
	h := NewHistory()
	follow(t, h, d.log)
	d.send(niftyBase)
	o := d.sent()
	d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Canceled: true, Text: "asked for", Now: d.now})
	caughtUp(t, d, h)
	row, _, err := h.Order(string(o.OrderID))
	require.NoError(t, err)
	require.Equal(t, OrderEndCanceled, row.Status)
	require.Equal(t, "asked for", row.Reason)
	d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Now: d.now, Fills: []domain.Fill{
		{ExecID: "1", Units: 2 * o.LotSize, Price: domain.D("50000"), Fee: domain.D("0")},
	}})
	caughtUp(t, d, h)
	late, _, err := h.Order(string(o.OrderID))
	require.NoError(t, err)
	require.Equal(t, 2, late.FilledLots)
	require.Equal(t, "asked for", late.Reason)
	require.Zero(t, row.FilledLots, "a row that was handed out does not change")
	require.Equal(t, PositionClosing, OpenPositions(d.state)[0].Status)
}

func TestAHistoryKeepsTheNewestRowsUpToItsLimits(t *testing.T) {
	d := newDesk(t)
	x := newMemoryIndex(3, 2, 1)
	h := NewHistoryIn(x)
	follow(t, h, d.log)
	d.trade()
	first := h.firstOrder(t, d)
	d.trade()
	caughtUp(t, d, h)
	require.Len(t, h.Signals(Filter{}, nil, 10).Rows, 3)
	require.Len(t, x.bySignal, 3, "what leaves is not found any more")
	require.Len(t, h.Orders(Filter{}, nil, 10).Rows, 2)
	order, _, err := h.Order(first)
	require.NoError(t, err)
	require.Nil(t, order)
	require.Len(t, x.byOrder, 2)
	require.Equal(t, "BANK_NIFTY-2-Long_1", h.Closed(Filter{}, nil, 10).Rows[0].PositionID)
	require.Len(t, x.byClosed, 1)
	p, _, err := h.Position("BANK_NIFTY-1-Long_1")
	require.NoError(t, err)
	require.Nil(t, p)
	require.Equal(t, 10_000, NewMemoryIndex().signals.limit)
}

func (h *History) firstOrder(t *testing.T, d *desk) string {
	t.Helper()
	caughtUp(t, d, h)
	rows := h.Orders(Filter{}, nil, 10).Rows
	return rows[len(rows)-1].OrderID
}

func TestAReaderWaitsForItsOwnWriteAndNotLonger(t *testing.T) {
	d := newDesk(t)
	h := NewHistory()
	began := time.Now()
	require.ErrorIs(t, h.WaitFor(t.Context(), 0), ErrHistoryBehind, "nobody follows")
	require.GreaterOrEqual(t, time.Since(began), MaxHistoryWait)

	waited := make(chan error, 2)
	go func() { waited <- h.WaitFor(t.Context(), 1) }()
	go func() { waited <- h.WaitFor(t.Context(), 1) }()
	follow(t, h, d.log)
	require.NoError(t, <-waited)
	require.NoError(t, <-waited)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, h.WaitFor(ctx, 99), context.Canceled)
	require.NoError(t, h.WaitFor(ctx, 1), "what is there needs no waiting")
}

func TestAnEventThatCannotBeAppliedStopsTheHistoryAndIsNamed(t *testing.T) {
	d := newDesk(t)
	at := d.sealer.Head()
	rec, _, err := d.sealer.Seal(eventstore.Draft{At: d.now, Event: &domain.OrderAccepted{OrderID: "nobody's", BrokerID: "1"}})
	require.NoError(t, err)
	require.NoError(t, d.log.Append(t.Context(), at, []eventstore.Record{rec}))
	h := NewHistory()
	ended := follow(t, h, d.log)
	var stopped *HistoryStopped
	require.ErrorAs(t, ended(), &stopped)
	require.Equal(t, uint64(2), stopped.Revision)
	require.ErrorIs(t, stopped, domain.ErrImpossible)
	require.Equal(t, stopped, h.Health().Trouble)
	require.Equal(t, uint64(2), h.Health().Events)
	require.ErrorAs(t, h.WaitFor(t.Context(), 2), &stopped, "nobody waits in vain")
	require.NoError(t, h.WaitFor(t.Context(), 1))
	require.Contains(t, h.Health().Trouble.Error(), "OrderAccepted")
}

func TestALogThatCannotBeReadForAWhileIsReadAgain(t *testing.T) {
	d := newDesk(t)
	h := NewHistory()
	failing := errors.New("the disk is away")
	d.log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return failing }})
	follow(t, h, d.log)
	require.Eventually(t, func() bool { return errors.Is(h.Health().Trouble, failing) }, 5*time.Second, time.Millisecond)
	d.log.Fault(eventstore.Faults{})
	require.Eventually(t, func() bool { return h.WaitFor(t.Context(), 1) == nil }, 5*time.Second, time.Millisecond)
	require.NoError(t, h.Health().Trouble)
}

func TestABarIsNotableOnlyIfItSells(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	d.fill("50000")
	d.send(niftyBar)
	d.send(strings.Replace(niftyBar, "50700", "50199", 1)) // below the stop that the bar before trailed to 50200
	h, err := ReadHistory(t.Context(), d.log)
	require.NoError(t, err)
	require.Len(t, h.Signals(Filter{}, nil, 10).Rows, 3)
	rows := h.Signals(Filter{Notable: true}, nil, 10).Rows
	require.Len(t, rows, 2)
	require.Equal(t, domain.ActionExit, rows[0].Decision.Action)
	require.Equal(t, "BASE_ENTRY", rows[1].Type)
}

func TestAHistoryIsReadOnceFromAFinishedLog(t *testing.T) {
	d := newDesk(t)
	d.trade()
	h, err := ReadHistory(t.Context(), d.log)
	require.NoError(t, err)
	require.Equal(t, d.state.Events, h.Health().Events)
	require.Len(t, h.Closed(Filter{}, nil, 1).Rows, 1)
}

func TestPagesOfARingLeaveNothingOutAndRepeatNothing(t *testing.T) {
	for _, kept := range []int{1, 3, 7, 20} {
		r := ring[int]{limit: kept}
		for i := range 10 {
			left, full := r.add(i)
			require.Equal(t, i >= kept, full)
			if full {
				require.Equal(t, i-kept, left)
			}
		}
		require.Nil(t, r.at(10))
		for limit := 1; limit < 12; limit++ {
			var got []int
			var before *uint64
			for {
				rows, next := r.page(before, limit, func(n *int) bool { return *n%2 == 1 })
				require.LessOrEqual(t, len(rows), limit)
				got = append(got, rows...)
				if next == nil {
					break
				}
				require.Len(t, rows, limit, "a page that is not full is the last")
				before = next
			}
			var want []int
			for n := 9; n >= max(0, 10-kept); n-- {
				if n%2 == 1 {
					want = append(want, n)
				}
			}
			require.Equal(t, want, got, "kept %d, limit %d", kept, limit)
		}
	}
}
