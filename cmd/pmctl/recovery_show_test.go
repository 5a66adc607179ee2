package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

// haltedReport is a report of a start that found a difference.
func haltedReport(name string) projections.KeptReport {
	at := time.Date(2026, time.January, 5, 4, 0, 0, 0, time.UTC)
	return projections.KeptReport{Name: name, Report: projections.Report{
		Instance: "there", Build: "v2", Result: projections.Crashed, Code: projections.CodeValidationFailed,
		Message: "VALIDATION_FAILED: Risk amount mismatch: DB=999999.99, Calculated=36750.00", Hint: "look with `pmctl snapshot diff --data DIR`",
		Started: at, Seconds: 0.25, Snapshot: projections.SnapshotDiffers, SnapshotPlace: "postgres://127.0.0.1:5432/pm",
		Compared:    &projections.Compared{Revision: 46, Tables: 20, Values: 420, HistoryRows: 28},
		Divergences: []projections.Divergence{{Path: "portfolio_state.total_risk_amount", Log: "36750.00", Snapshot: "999999.99", Revision: 46}}, DivergenceCount: 1,
		Findings: []string{"SNAPSHOT_OUTDATED: an older build wrote it"},
	}}
}

func TestAReportOfAHaltSaysWhatDiffersAndWhatToDo(t *testing.T) {
	reports := []projections.KeptReport{haltedReport("20260105T040000.000000000Z")}
	for i := range shownStarts + 2 {
		earlier := haltedReport(fmt.Sprintf("20260104T0400%02d.000000000Z", 30-i))
		earlier.Result, earlier.Code, earlier.Snapshot, earlier.Events = projections.Recovered, "", projections.SnapshotAgreed, 1234
		earlier.StateDigest = "d"
		reports = append(reports, earlier)
	}
	raw, err := json.Marshal(recoveryAnswer{Last: &reports[0], Reports: reports})
	require.NoError(t, err)
	tab, out := &table{}, strings.Builder{}
	require.NoError(t, recoveryTable(tab, raw, "desk"))
	require.NoError(t, tab.print(&out))
	golden(t, "recovery-of-a-halt.txt", out.String())
}

func TestAReportThatNamesNothingComparedIsShownAllTheSame(t *testing.T) {
	for _, result := range []string{projections.SnapshotAgreed, projections.SnapshotDiffers, projections.SnapshotMissing, "", "x"} {
		for _, outcome := range []string{projections.Recovered, projections.Crashed, ""} {
			tab, out := &table{}, strings.Builder{}
			raw := fmt.Sprintf(`{"last":{"name":"x","result":%q,"snapshot":%q}}`, outcome, result)
			require.NoError(t, recoveryTable(tab, json.RawMessage(raw), ""), raw)
			require.NoError(t, tab.print(&out))
			if result == projections.SnapshotAgreed {
				require.Contains(t, out.String(), "agrees; what was compared is not in the report")
			}
		}
	}
}
