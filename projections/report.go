package projections

import (
	"encoding/json"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// What comparing with the snapshot gave, as the report and RecoveryCompleted say it.
const (
	SnapshotNone        = "none"    // none is configured
	SnapshotAgreed      = "agreed"  // every value is the log's
	SnapshotMissing     = "missing" // nothing was written yet
	SnapshotOutdated    = "outdated"
	SnapshotNewer       = "newer"
	SnapshotUnavailable = "unavailable"
	SnapshotDiffers     = "differs" // the start ended
)

// How a recovery ended.
const (
	Recovered = "recovered"
	Crashed   = "crashed"
	Diverged  = "diverged" // found by a comparison after the start; the service went on
)

// Report is what a recovery read, compared and found. It is kept as a file; its digest goes into the log.
type Report struct {
	Portfolio       domain.PortfolioID `json:"portfolio"`
	Instance        string             `json:"instance"` // of the start
	Build           string             `json:"build"`
	Result          string             `json:"result"`         // recovered, crashed, diverged
	Code            string             `json:"code,omitempty"` // of the halt or of the warning; see the runbook
	Message         string             `json:"message,omitempty"`
	Hint            string             `json:"hint,omitempty"`
	Started         time.Time          `json:"started"`
	Finished        time.Time          `json:"finished"`
	Seconds         float64            `json:"seconds"`
	Events          uint64             `json:"events"`
	EventsPerSecond float64            `json:"events_per_second"`
	HeadRevision    uint64             `json:"head_revision"` // of the last event; 0 with an empty head_hash where there is none
	HeadHash        string             `json:"head_hash"`
	StateDigest     string             `json:"state_digest"`
	OpenPositions   int                `json:"open_positions"`
	Snapshot        string             `json:"snapshot"`                 // none, agreed, missing, outdated, newer, unavailable, differs
	SnapshotPlace   string             `json:"snapshot_place,omitempty"` // without a secret
	SnapshotHead    *SnapshotHead      `json:"snapshot_head,omitempty"`
	Compared        *Compared          `json:"compared,omitempty"`
	Divergences     []Divergence       `json:"divergences"` // at most MaxDivergences
	DivergenceCount int                `json:"divergence_count"`
	Findings        []string           `json:"findings"` // what was noticed and did not stop the start

	late bool // made beside trading
}

// Compared counts what was held against the log.
type Compared struct {
	Revision    uint64 `json:"revision"`
	Tables      int    `json:"tables"`
	Rows        uint64 `json:"rows"`         // of the state tables
	Values      uint64 `json:"values"`       // of the state tables, each compared
	HistoryRows uint64 `json:"history_rows"` // compared by their hash
}

func newReport(p domain.PortfolioID, o RecoverOptions) Report {
	r := Report{
		Portfolio: p, Instance: o.Instance, Build: o.Build, Started: time.Now().UTC(), Snapshot: SnapshotNone,
		Divergences: []Divergence{}, Findings: []string{}, late: o.Beside,
	}
	if o.Snapshot != nil {
		r.SnapshotPlace = o.Snapshot.String()
	}
	return r
}

// finish fills in what was read once all of it was found right.
func (r *Report) finish(state *domain.State, head eventstore.Head, digest string) {
	last := HeadOf(head)
	r.Result, r.Events, r.HeadRevision, r.HeadHash = Recovered, head.Next, last.Revision, last.Hash
	r.StateDigest, r.OpenPositions = digest, len(OpenPositions(state))
	r.stop()
	if r.Seconds > 0 {
		r.EventsPerSecond = float64(r.Events) / r.Seconds
	}
}

// halted notes why the start ended.
func (r *Report) halted(h *Halt) {
	r.Result, r.Code, r.Message, r.Hint = Crashed, h.Code, h.Error(), h.Hint
	if r.late {
		r.Result = Diverged
	}
	r.stop()
}

func (r *Report) stop() {
	finished := time.Now()
	r.Seconds, r.Finished = finished.Sub(r.Started).Seconds(), finished.UTC()
}

// warned notes why the snapshot was not compared.
func (r *Report) warned(result, code, text string) {
	r.Snapshot, r.Code = result, code
	r.Findings = append(r.Findings, code+": "+text)
}

// JSON is the report as its file holds it.
func (r *Report) JSON() []byte {
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("a recovery report cannot be written: " + err.Error()) // it holds texts and numbers only
	}
	return append(out, '\n')
}
