package projections_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// afterwardsLog is a log in which a base was sold while its pyramid is held, and an entry filled once more when its campaign was over.
func afterwardsLog(t testing.TB) *eventstore.Memory {
	t.Helper()
	log := eventstore.NewMemory("main")
	w := &writing{t: t, log: log, state: domain.NewState(), sealer: eventstore.NewSealer(eventstore.Empty("main"), time.Time{}, author)}
	for _, r := range snapshottest.Log(t) {
		w.put(eventstore.Draft{Event: r.Event, At: r.At, Corr: r.Corr, Cause: r.Cause})
	}
	entry := w.sent("B90")
	fills := []domain.Fill{{ExecID: "1", Units: entry.LotSize, Price: domain.D("50900")}}
	w.do(domain.ReportOrder{OrderID: entry.OrderID, BrokerID: "B90", Now: w.state.At, Fills: fills, Canceled: true, Text: "asked for"})
	for i, position := range []string{"Long_1", "Long_2"} {
		w.state.At = w.state.At.Add(3 * time.Minute) // beyond the window of duplicates
		exit := `{"type":"EXIT","instrument":"BANK_NIFTY","position":"` + position + `","timestamp":"` + w.state.At.Format(time.RFC3339) + `","price":50950}`
		sub, _, problems := domain.ParseSignal([]byte(exit), w.state.At)
		require.Empty(t, problems)
		w.do(domain.SubmitSignal{Submission: sub, Now: w.state.At})
		w.do(domain.Tick{Now: w.state.At})
		id := []string{"B91", "B92"}[i]
		o := w.sent(id)
		w.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: id, Now: w.state.At, Fills: []domain.Fill{
			{ExecID: "1", Units: o.Lots * o.LotSize, Price: domain.D("50950")},
		}})
	}
	fills = append(fills, domain.Fill{ExecID: "2", Units: entry.LotSize, Price: domain.D("50900")})
	w.do(domain.ReportOrder{OrderID: entry.OrderID, BrokerID: "B90", Now: w.state.At, Fills: fills, Canceled: true})
	return log
}

// sent puts the oldest open order into the broker's hands.
func (w *writing) sent(id string) *domain.Order {
	w.t.Helper()
	require.NotEmpty(w.t, w.state.OpenOrders())
	o := w.state.OpenOrders()[0]
	w.do(domain.BeginSend{OrderID: o.OrderID, Now: w.state.At})
	w.do(domain.ReportSent{OrderID: o.OrderID, Accepted: true, BrokerID: id, Now: w.state.At})
	return o
}

func TestWhatIsRareIsNotInvalid(t *testing.T) {
	log := afterwardsLog(t)
	soldBase, lateFill := false, false
	for events := uint64(1); events <= eventsOf(t, log); events++ {
		state := contentAt(t, log, events).State
		soldBase = soldBase || slices.Contains(columnOf(state, "pyramiding_state", "base_position_id"), tables.Null)
		lateFill = lateFill || len(state["pyramiding_state"]) == 0 && slices.Contains(columnOf(state, "layers", "late_fill"), "t")
		r, err := projections.Recover(t.Context(), log, quick(written(t, cut(t, log, events))))
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	}
	require.True(t, soldBase, "no pyramid is held whose base was sold")
	require.True(t, lateFill, "no late fill is held beyond its campaign")
}

// columnOf are the values of one column of a state table.
func columnOf(state map[string][]string, name, column string) (values []string) {
	table, _ := tables.Named(name)
	for _, line := range state[name] {
		values = append(values, tables.Split(line)[slices.Index(table.Names(), column)])
	}
	return values
}

func TestRowsInAnotherOrderHaveAnotherHashWhateverTheHeadRowSays(t *testing.T) {
	log := fullLog(t)
	s := &bent{Snapshot: written(t, log), lines: func(v projections.SnapshotView, of []tables.Table) (map[string][]string, error) {
		all, err := v.Lines(of)
		slices.Reverse(all["settings"])
		return all, err
	}}
	require.Equal(t, []string{"head.tables_hash"}, found(t, log, s), "the head row has the hash of the log's tables, and these have another")
	content := contentAt(t, log, eventsOf(t, log))
	slices.Reverse(content.State["settings"])
	s.head = func(h *projections.SnapshotHead, err error) (*projections.SnapshotHead, error) {
		other := *h
		other.TablesHash = content.Hash()
		return &other, err
	}
	require.Equal(t, []string{"head.tables_hash"}, found(t, log, s), "the head row has their hash, and the log's tables have another")
}

func TestOneDifferenceIsNotSaidToBeOneOfMore(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.DropRow("settings", firstKey(t, s, "settings"))
	require.NotContains(t, halts(t, log, s, projections.CodeValidationFailed).Error(), "more)")
	s.DropRow("settings", firstKey(t, s, "settings"))
	require.Contains(t, halts(t, log, s, projections.CodeValidationFailed).Error(), "(and 1 more)")
}
