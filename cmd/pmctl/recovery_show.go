package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pm/projections"
)

// recoveries that are shown one line each; all of them are in the JSON.
const shownStarts = 10

// recoveryAnswer is the document of recovery, from a service or from a data folder.
type recoveryAnswer struct {
	Last     *projections.KeptReport  `json:"last"`
	Reports  []projections.KeptReport `json:"reports"`
	Recorded []recovered              `json:"recorded"` // from a log only
}

// recoveryTable says what the last start read, compared and found, and lists the starts before it. data is the folder that was asked, "" for a
// service; hints name it.
func recoveryTable(t *table, raw json.RawMessage, data string) error {
	var a recoveryAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case a.Last != nil:
		if data != "" {
			a.Last.Hint = strings.ReplaceAll(a.Last.Hint, "--data DIR", "--data "+data)
		}
		reportRows(t, a.Last)
	case len(a.Recorded) > 0:
		t.title = "no report is kept here; what the log recorded of its starts:"
	default:
		t.empty = "no start has recovered anything yet: the portfolio was opened by the first start, and nobody has started on it since"
	}
	if len(a.Recorded) > 0 {
		t.foot = append(t.foot, recordedLines(a.Recorded)...)
	} else if len(a.Reports) > 1 {
		t.foot = append(t.foot, keptLines(a.Reports)...)
	}
	return nil
}

// reportRows are the facts of one report, a code first.
func reportRows(t *table, r *projections.KeptReport) {
	if r.Message != "" {
		t.title = r.Message
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Microsecond)
	t.row("start", fmt.Sprintf("%s IST by %s, build %s", clock(r.Started), r.Instance, r.Build))
	t.row("result", fmt.Sprintf("%s after %s", r.Result, took))
	t.paint(1, map[string]string{projections.Recovered: colorGood}[r.Result])
	if r.Result != projections.Recovered {
		t.paint(1, colorBad)
	}
	if r.StateDigest != "" { // a report of a halt has no figures of the log
		t.row("log", fmt.Sprintf("%s, %s/s", counted(r.Events, "event"), grouped(fmt.Sprintf("%.0f", r.EventsPerSecond))))
		t.row("head", fmt.Sprintf("revision %d, %s", r.HeadRevision, r.HeadHash))
		t.row("state", r.StateDigest)
		t.row("positions", fmt.Sprintf("%d open", r.OpenPositions))
	}
	if r.SnapshotPlace != "" {
		t.row("snapshot in", r.SnapshotPlace)
	}
	t.row("snapshot", snapshotWords(&r.Report))
	t.row("report", r.Name)
	t.foot = append(t.foot, findingLines(&r.Report)...)
	if r.Hint != "" {
		t.foot = append(t.foot, "hint: "+r.Hint)
	}
}

// findingLines are the warnings of a report and its first differences.
func findingLines(r *projections.Report) (lines []string) {
	for _, text := range r.Findings {
		lines = append(lines, "WARNING "+text)
	}
	for i, d := range r.Divergences {
		if i == shownDivergences {
			return append(lines, fmt.Sprintf("and %d more: pmctl snapshot diff lists them", r.DivergenceCount-i))
		}
		lines = append(lines, divergenceWords(d))
	}
	return lines
}

// snapshotWords says what became of the comparison.
func snapshotWords(r *projections.Report) string {
	switch {
	case r.Snapshot == projections.SnapshotNone && r.Result != projections.Recovered:
		return "not compared: the log comes first"
	case r.Snapshot == projections.SnapshotMissing && r.Code == "":
		return "nothing to compare: the log is empty, and so is the snapshot"
	case r.Snapshot == projections.SnapshotAgreed && r.Compared == nil: // of another build, or written by hand
		return "agrees; what was compared is not in the report"
	case r.Snapshot == projections.SnapshotAgreed:
		return fmt.Sprintf("agrees at revision %d: %s", r.Compared.Revision, comparedWords(r.Compared))
	case r.Snapshot == projections.SnapshotDiffers && r.Compared != nil:
		return fmt.Sprintf("DIFFERS at revision %d in %s: %s", r.Compared.Revision, counted(r.DivergenceCount, "place"), comparedWords(r.Compared))
	case r.Snapshot == projections.SnapshotDiffers:
		return "DIFFERS"
	}
	return "not compared: " + r.Snapshot
}

func comparedWords(c *projections.Compared) string {
	return fmt.Sprintf("%s in %s and %s of history compared", counted(c.Values, "value"), counted(c.Tables, "table"), counted(c.HistoryRows, "row"))
}

// keptLines list the reports of a page, the latest first.
func keptLines(reports []projections.KeptReport) []string {
	t := &table{head: []string{"REPORT", "RESULT", ">EVENTS", "SNAPSHOT", "CODE", "BUILD"}}
	for _, r := range reports[:min(len(reports), shownStarts)] {
		events := "" // a report of a halt has no figures of the log
		if r.StateDigest != "" {
			events = grouped(fmt.Sprint(r.Events))
		}
		t.row(r.Name, r.Result, events, r.Snapshot, r.Code, r.Build)
	}
	return linesOf(t, len(reports)-shownStarts)
}

// recordedLines list what the log recorded of its starts, the latest first.
func recordedLines(list []recovered) []string {
	t := &table{head: []string{">REVISION", "STARTED (IST)", "INSTANCE", ">HEAD BEFORE", "SNAPSHOT"}}
	for i := len(list) - 1; i >= max(0, len(list)-shownStarts); i-- {
		r := list[i]
		t.row(fmt.Sprint(r.Revision), clock(r.At), r.Instance, fmt.Sprint(r.HeadRevision), r.Snapshot)
	}
	return linesOf(t, len(list)-shownStarts)
}

func linesOf(t *table, more int) []string {
	var out strings.Builder
	t.body(&out)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d earlier ones: -o json has them", more))
	}
	return lines
}
