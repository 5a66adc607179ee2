// Package indextest is the suite that every index of the past passes: what a projections.Index promises, held against it.
//
//	indextest.Run(t, func(t *testing.T) projections.Index { ... an empty index, closed by the test's cleanup ... })
package indextest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// Run holds an index against every promise.
func Run(t *testing.T, open func(t *testing.T) projections.Index) {
	for name, promise := range map[string]func(*testing.T, projections.Index){
		"an empty index has no head and no rows":           empty,
		"rows come back as they were written":              comesBack,
		"a row is written over the one with its number":    writesOver,
		"pages leave nothing out and repeat nothing":       pages,
		"filters narrow the lists":                         filters,
		"of an id the accepted signal is found, or latest": acceptedFirst,
		"touches are listed rising and once":               touches,
		"clearing takes everything out":                    clears,
	} {
		t.Run(name, func(t *testing.T) { promise(t, open(t)) })
	}
}

func head(next uint64) projections.IndexHead {
	return projections.IndexHead{Portfolio: "main", Version: 3, Head: eventstore.Head{Next: next, Hash: eventstore.Genesis("main")}}
}

func signal(n uint64, outcome, kind, instrument string) projections.Numbered[projections.Signal] {
	price := domain.D("50000.05")
	s := projections.Signal{
		SignalID: fmt.Sprintf("s%d", n), Type: kind, Instrument: instrument, Position: []string{"Long_1"}, Price: &price,
		Timestamp: time.Date(2026, 1, 5, 4, 0, 0, 5, time.UTC), ReceivedAt: time.Date(2026, 1, 5, 4, 0, 1, 0, time.UTC), Outcome: outcome, Revision: n * 7,
	}
	if outcome == domain.OutcomeAccepted {
		s.Decision = &projections.Decision{Action: domain.ActionMark}
	} else {
		s.Reasons = []projections.Reason{{Code: "stale", Message: "It is old.", Details: map[string]string{"age": "9m"}}}
	}
	return projections.Numbered[projections.Signal]{N: n, Row: s}
}

func order(n uint64, status, instrument string) projections.Numbered[projections.Order] {
	at, rev := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC), n*3
	return projections.Numbered[projections.Order]{N: n, Row: projections.Order{
		OrderID: fmt.Sprintf("o%d", n), N: n, Status: status, Instrument: instrument, RefPrice: domain.D("1.5"), CreatedAt: &at, Revision: &rev,
		PositionIDs: []string{"A-1-Long_1", "A-1-Long_2"}, UpdatedAt: at, ExpiresAt: at,
	}}
}

func closed(n uint64, instrument string) projections.Numbered[projections.Position] {
	price := domain.D("123.456789012345")
	return projections.Numbered[projections.Position]{N: n, Row: projections.Position{
		PositionID: fmt.Sprintf("%s-%d-Long_1", instrument, n), Instrument: instrument, Status: projections.PositionClosed, EntryPrice: &price,
		NetPnL: domain.D("-95800.25"), OrderIDs: []string{"o1", "o2"}, SignalTime: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC),
	}}
}

func empty(t *testing.T, x projections.Index) {
	h, err := x.Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, h)
	rows, next, err := x.Signals(t.Context(), projections.Filter{}, nil, 10)
	require.NoError(t, err)
	require.Empty(t, rows)
	require.Nil(t, next)
	s, err := x.Signal(t.Context(), "s0")
	require.NoError(t, err)
	require.Nil(t, s)
	o, err := x.Order(t.Context(), "o0")
	require.NoError(t, err)
	require.Nil(t, o)
	p, err := x.Position(t.Context(), "A-0-Long_1")
	require.NoError(t, err)
	require.Nil(t, p)
	revs, err := x.Touched(t.Context(), "o0", 10)
	require.NoError(t, err)
	require.Empty(t, revs)
}

// same compares what people see: the JSON of both.
func same(t *testing.T, want, got any) {
	t.Helper()
	a, err := json.Marshal(want)
	require.NoError(t, err)
	b, err := json.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
}

func write(t *testing.T, x projections.Index, rows projections.Rows, next uint64) {
	t.Helper()
	require.NoError(t, x.Write(t.Context(), rows, head(next)))
}

func comesBack(t *testing.T, x projections.Index) {
	s, o, c := signal(0, "rejected", "PYRAMID", "A"), order(0, "filled", "A"), closed(0, "A")
	write(t, x, projections.Rows{
		Signals: []projections.Numbered[projections.Signal]{s}, Orders: []projections.Numbered[projections.Order]{o},
		Closed: []projections.Numbered[projections.Position]{c},
	}, 9)
	h, err := x.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, head(9), h)
	gotS, err := x.Signal(t.Context(), "s0")
	require.NoError(t, err)
	same(t, s.Row, gotS)
	gotO, err := x.Order(t.Context(), "o0")
	require.NoError(t, err)
	same(t, o.Row, gotO)
	gotC, err := x.Position(t.Context(), "A-0-Long_1")
	require.NoError(t, err)
	same(t, c.Row, gotC)
}

func writesOver(t *testing.T, x projections.Index) {
	write(t, x, projections.Rows{Orders: []projections.Numbered[projections.Order]{order(0, "working", "A"), order(1, "working", "A")}}, 5)
	write(t, x, projections.Rows{Orders: []projections.Numbered[projections.Order]{order(0, "filled", "A")}}, 6)
	got, err := x.Order(t.Context(), "o0")
	require.NoError(t, err)
	require.Equal(t, "filled", got.Status)
	rows, _, err := x.Orders(t.Context(), projections.Filter{}, nil, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	open, _, err := x.Orders(t.Context(), projections.Filter{Status: projections.FilterOpen}, nil, 10)
	require.NoError(t, err)
	require.Len(t, open, 1, "the filter sees what is there now")
}

func pages(t *testing.T, x projections.Index) {
	var all projections.Rows
	for n := range uint64(10) {
		all.Closed = append(all.Closed, closed(n, "A"))
	}
	write(t, x, all, 10)
	for limit := 1; limit < 12; limit++ {
		var got []string
		var before *uint64
		for {
			rows, next, err := x.Closed(t.Context(), projections.Filter{}, before, limit)
			require.NoError(t, err)
			for _, p := range rows {
				got = append(got, p.PositionID)
			}
			if next == nil {
				break
			}
			require.Len(t, rows, limit, "a page that is not full is the last")
			before = next
		}
		require.Len(t, got, 10)
		for i, id := range got {
			require.Equal(t, fmt.Sprintf("A-%d-Long_1", 9-i), id)
		}
	}
}

func filters(t *testing.T, x projections.Index) {
	write(t, x, projections.Rows{
		Signals: []projections.Numbered[projections.Signal]{
			signal(0, "accepted", "MARKET_DATA", "A"), signal(1, "rejected", "PYRAMID", "A"), signal(2, "accepted", "EXIT", "B"),
		},
		Orders: []projections.Numbered[projections.Order]{order(0, "filled", "A"), order(1, "working", "A"), order(2, "unknown", "B")},
		Closed: []projections.Numbered[projections.Position]{closed(0, "A"), closed(1, "B")},
	}, 20)
	for f, want := range map[projections.Filter][]string{
		{}: {"s2", "s1", "s0"}, {Status: "accepted"}: {"s2", "s0"}, {Instrument: "A"}: {"s1", "s0"}, {Type: "PYRAMID"}: {"s1"},
		{Notable: true}: {"s2", "s1"}, {Notable: true, Instrument: "A"}: {"s1"}, {Status: "rejected", Instrument: "B"}: nil,
	} {
		rows, _, err := x.Signals(t.Context(), f, nil, 10)
		require.NoError(t, err)
		var got []string
		for _, s := range rows {
			got = append(got, s.SignalID)
		}
		require.Equal(t, want, got, "%+v", f)
	}
	for f, want := range map[projections.Filter]int{
		{Status: projections.FilterAll}: 3, {Status: projections.FilterOpen}: 2, {Status: projections.FilterDone}: 1, {Instrument: "B"}: 1,
	} {
		rows, _, err := x.Orders(t.Context(), f, nil, 10)
		require.NoError(t, err)
		require.Len(t, rows, want, "%+v", f)
	}
	rows, _, err := x.Closed(t.Context(), projections.Filter{Instrument: "B"}, nil, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
}

func acceptedFirst(t *testing.T, x projections.Index) {
	var rows projections.Rows
	for n, outcome := range []string{"rejected", "rejected", "accepted", "rejected"} {
		row := signal(uint64(n), outcome, "EXIT", "A")
		row.Row.SignalID = "again"
		rows.Signals = append(rows.Signals, row)
	}
	two := projections.Rows{Signals: rows.Signals[:2]}
	write(t, x, two, 2)
	got, err := x.Signal(t.Context(), "again")
	require.NoError(t, err)
	require.Equal(t, uint64(7), got.Revision, "the latest")
	write(t, x, projections.Rows{Signals: rows.Signals[2:]}, 4)
	got, err = x.Signal(t.Context(), "again")
	require.NoError(t, err)
	require.Equal(t, uint64(14), got.Revision, "the accepted one")
}

func touches(t *testing.T, x projections.Index) {
	write(t, x, projections.Rows{Touches: []projections.Touch{{ID: "o0", Revision: 3}, {ID: "p", Revision: 3}, {ID: "o0", Revision: 5}, {ID: "o0", Revision: 5}}}, 6)
	write(t, x, projections.Rows{Touches: []projections.Touch{{ID: "o0", Revision: 8}}}, 9)
	got, err := x.Touched(t.Context(), "o0", 10)
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 5, 8}, got)
	got, err = x.Touched(t.Context(), "o0", 2)
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 5}, got)
}

func clears(t *testing.T, x projections.Index) {
	write(t, x, projections.Rows{
		Signals: []projections.Numbered[projections.Signal]{signal(0, "accepted", "EXIT", "A")}, Orders: []projections.Numbered[projections.Order]{order(0, "filled", "A")},
		Closed: []projections.Numbered[projections.Position]{closed(0, "A")}, Touches: []projections.Touch{{ID: "o0", Revision: 1}},
	}, 3)
	require.NoError(t, x.Clear(t.Context()))
	empty(t, x)
	write(t, x, projections.Rows{Signals: []projections.Numbered[projections.Signal]{signal(0, "accepted", "EXIT", "A")}}, 3)
}
