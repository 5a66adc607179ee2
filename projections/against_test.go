package projections_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

func TestASnapshotOfTheSameRevisionIsComparedValueByValue(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	writes := s.Writes()
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	require.Equal(t, eventsOf(t, log)-1, r.Report.Compared.Revision)
	require.Equal(t, len(tables.All()), r.Report.Compared.Tables)
	require.Equal(t, r.Agreed, r.Report.SnapshotHead)
	require.Empty(t, r.Report.Divergences)
	require.Equal(t, writes, s.Writes(), "a recovery writes nothing")
	require.Equal(t, "memory", r.Report.SnapshotPlace)
	var rows, values uint64
	for name, lines := range contentAt(t, log, eventsOf(t, log)).State {
		table, _ := tables.Named(name)
		require.NotEmpty(t, lines, "table %s has no row: this log proves nothing about it", name)
		rows, values = rows+uint64(len(lines)), values+uint64(len(lines)*len(table.Columns))
	}
	require.Equal(t, rows, r.Report.Compared.Rows)
	require.Equal(t, values, r.Report.Compared.Values)
	require.Positive(t, r.Report.Compared.HistoryRows)
}

// contentAt is what a log folds into after so many events.
func contentAt(t testing.TB, log eventstore.Log, events uint64) tables.Content {
	t.Helper()
	fold := tables.NewFold()
	_, err := eventstore.Replay(t.Context(), cut(t, log, events), 0, func(r domain.Recorded, _ eventstore.Hash) error { return fold.Apply(r) })
	require.NoError(t, err)
	return fold.Content()
}

func TestASnapshotThatIsOlderIsComparedAtItsRevisionAndTheReplayGoesOn(t *testing.T) {
	log := fullLog(t)
	for events := uint64(1); events <= eventsOf(t, log); events++ {
		r, err := projections.Recover(t.Context(), log, quick(written(t, cut(t, log, events))))
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
		require.Equal(t, events-1, r.Report.Compared.Revision)
		require.Equal(t, eventsOf(t, log), r.State.Events, "and the replay goes on to the head")
	}
}

func TestOneRupeeOfTotalRiskHaltsTheStart(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	h := halts(t, log, s, projections.CodeValidationFailed)
	risk := h.Report.Divergences[0].Log
	require.Contains(t, h.Error(), "Risk amount mismatch: DB=999999.99, Calculated="+risk)
	require.Regexp(t, `^\d+\.\d\d`, risk)
	require.Equal(t, "portfolio_state.total_risk_amount", h.Report.Divergences[0].Path)
	require.Equal(t, "999999.99", h.Report.Divergences[0].Snapshot)
	require.Equal(t, eventsOf(t, log)-1, h.Report.Divergences[0].Revision)
	require.Contains(t, h.Hint, "pmctl snapshot diff --data DIR")
	s.Set("portfolio_state", "main", "total_risk_amount", strings.TrimSuffix(risk, ".00"))
	_, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err, "the value that was restored starts again")
}

// changed is another value of a column's kind.
func changed(c tables.Column, was string) string {
	switch c.Kind {
	case tables.Integer:
		return was + "7"
	case tables.Decimal:
		return "999999.99"
	case tables.Bool:
		return map[string]string{"t": "f", "f": "t"}[was]
	case tables.Time:
		return "2001-02-03 04:05:06.000007+00"
	case tables.Date:
		return "2001-02-03"
	default:
		return was + "x"
	}
}

func TestAChangeOfAnyColumnOfAnyTableHaltsAndIsNamed(t *testing.T) {
	log := fullLog(t)
	whole := written(t, log)
	n := 0
	require.NoError(t, whole.Read(t.Context(), func(v projections.SnapshotView) error {
		for _, table := range tables.All() {
			line := firstLine(t, v, table)
			columns := tables.Split(line)
			for i, c := range table.Columns {
				s := written(t, log)
				value, old := "5", columns[i]
				if old != tables.Null {
					value = changed(c, old)
				}
				s.Set(table.Name, tables.Join(columns[:table.Key]), c.Name, value)
				h := halts(t, log, s, projections.CodeValidationFailed)
				named := false
				for _, d := range h.Report.Divergences {
					named = named || strings.HasPrefix(d.Path, table.Name+".") && strings.HasSuffix(d.Path, "."+c.Name) ||
						strings.HasPrefix(d.Path, table.Name+"[")
				}
				require.True(t, named, "%s.%s: %v", table.Name, c.Name, h.Report.Divergences)
				if i >= table.Key {
					require.Contains(t, h.Error(), "mismatch: DB=", "%s.%s", table.Name, c.Name)
				}
				n++
			}
		}
		return nil
	}))
	require.Greater(t, n, 250, "columns that were changed")
}

func firstLine(t testing.TB, v projections.SnapshotView, table tables.Table) string {
	t.Helper()
	if table.Class == tables.State {
		lines, err := v.Lines([]tables.Table{table})
		require.NoError(t, err)
		require.NotEmpty(t, lines[table.Name], table.Name)
		return lines[table.Name][0]
	}
	var all strings.Builder
	require.NoError(t, v.Copy(table, &all))
	line, _, found := strings.Cut(all.String(), "\n")
	require.True(t, found, "table %s has no row", table.Name)
	return line
}

func TestEachColumnOfTheHeadRowHasItsOwnCode(t *testing.T) {
	log := fullLog(t)
	head := func(change func(*projections.SnapshotHead)) *snapshottest.Memory {
		s := written(t, log)
		r, err := projections.Recover(t.Context(), log, quick(s))
		require.NoError(t, err)
		h := *r.Agreed
		change(&h)
		s.SetHead(&h)
		return s
	}
	h := halts(t, log, head(func(h *projections.SnapshotHead) { h.Stream = "portfolio-other" }), projections.CodeDataCorrupt)
	require.Contains(t, h.Error(), "stream portfolio-other, the log of portfolio-main")
	h = halts(t, log, head(func(h *projections.SnapshotHead) { h.Revision++ }), projections.CodeDataCorrupt)
	require.Contains(t, h.Error(), "the log was truncated, or an older copy of it was restored")
	require.Contains(t, h.Hint, "--accept-older-log")
	h = halts(t, log, head(func(h *projections.SnapshotHead) { h.Revision-- }), projections.CodeDataCorrupt)
	require.Contains(t, h.Error(), "it is another log, or its history was replaced")
	_ = halts(t, log, head(func(h *projections.SnapshotHead) { h.EventHash = strings.Repeat("0", 64) }), projections.CodeDataCorrupt)
	h = halts(t, log, head(func(h *projections.SnapshotHead) { h.TablesHash = strings.Repeat("0", 64) }), projections.CodeValidationFailed)
	require.Equal(t, "head.tables_hash", h.Report.Divergences[0].Path)
	warns(t, log, head(func(h *projections.SnapshotHead) { h.SchemaVersion++ }), projections.SnapshotNewer, projections.CodeSnapshotNewer)
	warns(t, log, head(func(h *projections.SnapshotHead) { h.FoldVersion++ }), projections.SnapshotNewer, projections.CodeSnapshotNewer)
	warns(t, log, head(func(h *projections.SnapshotHead) { h.SchemaVersion-- }), projections.SnapshotOutdated, projections.CodeSnapshotOutdated)
	warns(t, log, head(func(h *projections.SnapshotHead) { h.FoldVersion-- }), projections.SnapshotOutdated, projections.CodeSnapshotOutdated)
	warns(t, log, head(func(h *projections.SnapshotHead) { h.SchemaVersion++; h.FoldVersion-- }), projections.SnapshotNewer, projections.CodeSnapshotNewer)
	_ = halts(t, log, head(func(h *projections.SnapshotHead) { h.SchemaVersion++; h.Revision++ }), projections.CodeDataCorrupt)
}

func TestALogThatEndsBeforeTheSnapshotIsCorruptWhereverItWasCut(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	for events := range eventsOf(t, log) {
		h := halts(t, cut(t, log, events), s, projections.CodeDataCorrupt)
		require.Equal(t, eventsOf(t, log)-1, h.Revision)
	}
}

func TestASnapshotThatIsMissingOrDownIsNoReasonNotToStart(t *testing.T) {
	log := fullLog(t)
	warns(t, log, snapshottest.NewMemory(), projections.SnapshotMissing, projections.CodeSnapshotMissing)
	down := written(t, log)
	down.SetUnavailable(true)
	report := warns(t, log, down, projections.SnapshotUnavailable, projections.CodeDBUnavailable)
	require.Contains(t, report.Findings[0], "started from the log alone")
	r, err := projections.Recover(t.Context(), eventstore.NewMemory("main"), quick(snapshottest.NewMemory()))
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotMissing, r.Report.Snapshot)
	require.Empty(t, r.Report.Findings, "an empty log and an empty snapshot are a beginning")
}

func TestWhatCannotBeReachedIsTriedAgainAfterEachWait(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	o := quick(s)
	o.Waits = []time.Duration{time.Nanosecond, 2 * time.Nanosecond, 4 * time.Nanosecond}
	var waits []time.Duration
	o.Retrying = func(what string, err error, wait time.Duration) {
		require.Equal(t, "the snapshot", what)
		require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
		if waits = append(waits, wait); len(waits) == 3 {
			s.SetUnavailable(false)
		}
	}
	r, err := projections.Recover(t.Context(), log, o)
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot, "the fourth try met it")
	require.Equal(t, o.Waits, waits)

	broken, tries := errors.New("input/output error"), 0
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return broken }})
	o.Snapshot = nil
	o.Retrying = func(what string, _ error, _ time.Duration) {
		require.Equal(t, "the log", what)
		if tries++; tries == 3 {
			log.Fault(eventstore.Faults{})
		}
	}
	_, err = projections.Recover(t.Context(), log, o)
	require.NoError(t, err)
	require.Equal(t, 3, tries)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, projections.RetryWaits)
}

func TestAStopWhileItWaitsEndsTheRecovery(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	stopped := func(snapshot projections.Snapshot) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o := quick(snapshot)
		o.Waits = []time.Duration{time.Hour}
		o.Retrying = func(string, error, time.Duration) { cancel() }
		_, err := projections.Recover(ctx, log, o)
		require.ErrorIs(t, err, context.Canceled)
	}
	stopped(s)
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errors.New("no") }})
	stopped(nil)
}

func TestATornSnapshotHalts(t *testing.T) {
	log := fullLog(t)
	for name, tear := range map[string]func(*snapshottest.Memory){
		"a row is gone":        func(s *snapshottest.Memory) { s.DropRow("layers", "BANK_NIFTY-3-Long_1") },
		"the head row is gone": func(s *snapshottest.Memory) { s.SetHead(nil) },
		"a table is gone":      func(s *snapshottest.Memory) { s.DropTable("fills") },
		"a row too many":       func(s *snapshottest.Memory) { s.AddRow("settings", "x\t1\t1") },
		"a row of history is new": func(s *snapshottest.Memory) {
			s.AddRow("refusals", "1\t0\t2026-01-05 05:00:00+00\tid\tstale\t\\N\t\\N")
		},
	} {
		s := written(t, log)
		tear(s)
		h := halts(t, log, s, projections.CodeValidationFailed)
		require.NotEmpty(t, h.Report.Divergences, name)
		require.Positive(t, h.Report.DivergenceCount, name)
	}
}

func TestAnInvalidPyramidingStateIsNamed(t *testing.T) {
	log := fullLog(t)
	for want, spoil := range map[string]func(*snapshottest.Memory){
		"Orphaned layer BANK_NIFTY-3-Long_1: campaign 3 of BANK_NIFTY has no pyramiding state": func(s *snapshottest.Memory) { s.DropRow("pyramiding_state", "BANK_NIFTY") },
		"Wrong layer: position BANK_NIFTY-3-Long_1 says that it is Long_4":                     func(s *snapshottest.Memory) { s.Set("layers", "BANK_NIFTY-3-Long_1", "layer", "Long_4") },
		"Invalid pyramiding state of BANK_NIFTY: base BANK_NIFTY-9-Long_1 is no layer": func(s *snapshottest.Memory) {
			s.Set("pyramiding_state", "BANK_NIFTY", "base_position_id", "BANK_NIFTY-9-Long_1")
		},
		"and last_pyramid_price is null": func(s *snapshottest.Memory) {
			s.Set("pyramiding_state", "BANK_NIFTY", "last_pyramid_price", tables.Null)
		},
	} {
		s := written(t, log)
		spoil(s)
		var messages []string
		for _, d := range halts(t, log, s, projections.CodeValidationFailed).Report.Divergences {
			messages = append(messages, d.Message)
		}
		require.Contains(t, strings.Join(messages, "\n"), want)
	}
}

func TestEveryDifferenceIsCountedAndTheFirstThousandAreListed(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	for i := range projections.MaxDivergences + 1 {
		s.AddRow("settings", "x"+strings.Repeat("y", i)+"\t1\t1")
	}
	report := halts(t, log, s, projections.CodeValidationFailed).Report
	require.Len(t, report.Divergences, projections.MaxDivergences)
	require.Equal(t, projections.MaxDivergences+1, report.DivergenceCount)
	require.Contains(t, report.Message, "(and 1000 more)")
}

func TestTheTablesOfAnotherVersionAreNotLookedAt(t *testing.T) {
	log := fullLog(t)
	for result, change := range map[string]func(*projections.SnapshotHead){
		projections.SnapshotNewer:    func(h *projections.SnapshotHead) { h.SchemaVersion++ },
		projections.SnapshotOutdated: func(h *projections.SnapshotHead) { h.FoldVersion-- },
	} {
		s := &bent{Snapshot: written(t, log), lines: func(projections.SnapshotView, []tables.Table) (map[string][]string, error) {
			return nil, errBent // they mean something else, and may not even be there
		}}
		s.head = func(h *projections.SnapshotHead, err error) (*projections.SnapshotHead, error) {
			other := *h
			change(&other)
			return &other, err
		}
		r, err := projections.Recover(t.Context(), log, quick(s))
		require.NoError(t, err)
		require.Equal(t, result, r.Report.Snapshot)
	}
}

func TestAValueIsShownAsAPersonReadsIt(t *testing.T) {
	log := fullLog(t)
	for _, c := range []struct{ table, key, column, value, shown string }{
		{"pyramiding_state", "BANK_NIFTY", "last_pyramid_price", tables.Null, "(null)"},
		{"pyramiding_state", "BANK_NIFTY", "base_lots", "7", "7"},
		{"pyramiding_state", "BANK_NIFTY", "base_cost", "7", "7.00"},
		{"pyramiding_state", "BANK_NIFTY", "base_cost", "7.5", "7.50"},
		{"pyramiding_state", "BANK_NIFTY", "base_cost", "7.125", "7.125"},
		{"alarms", "unclear_exit\ta signal", "raised_at", "2001-02-03 04:05:06.000007+00", "2001-02-03 04:05:06.000007+00"},
	} {
		s := written(t, log)
		s.Set(c.table, c.key, c.column, c.value)
		d := halts(t, log, s, projections.CodeValidationFailed).Report.Divergences[0]
		require.Equal(t, c.shown, d.Snapshot, "%s.%s", c.table, c.column)
		require.Contains(t, d.Message, "mismatch: DB="+c.shown+", Calculated=")
	}
}

func TestTheHistoryOfAnOlderSnapshotIsComparedUpToItsRevision(t *testing.T) {
	log := fullLog(t)
	s := written(t, cut(t, log, 40))
	s.Set("fills", firstKey(t, s, "fills"), "last_px", "7")
	report := halts(t, log, s, projections.CodeValidationFailed).Report
	require.Equal(t, 1, report.DivergenceCount, "what came later is not missing: %v", report.Divergences)
}

func TestRowsThatAreTheSameAreComparedWithoutCuttingThemUp(t *testing.T) {
	table, _ := tables.Named("layers")
	lines := contentAt(t, fullLog(t), eventsOf(t, fullLog(t))).State["layers"]
	require.NotEmpty(t, lines)
	require.LessOrEqual(t, projections.AllocationsOfComparing(table, lines, slices.Clone(lines)), 1.0, "the findings themselves")
	require.Greater(t, projections.AllocationsOfComparing(table, lines, lines[1:]), 1.0)
}
