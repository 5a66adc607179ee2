package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
	"pm/test/invariants"
	"pm/test/programs"
)

// evidence is what the log says of the run, read once from revision 0 with every rule held after every event.
type evidence struct {
	state    *domain.State
	accepted map[string][]uint64 // revisions by signal id
	refused  map[string]int
	reasons  map[domain.ReasonCode]int
	bases    map[domain.OrderID]bool // base orders that filled
	epochs   int
}

// prove holds everything that was seen from outside against the log and the broker's book.
func (r *killRun) prove() {
	t := r.t
	log := r.site.openLog()
	defer log.Close()
	digests := r.digests()
	states := map[uint64][][]byte{}
	for _, s := range r.states {
		states[s.revision] = append(states[s.revision], s.document)
	}
	e := &evidence{state: domain.NewState(), accepted: map[string][]uint64{}, refused: map[string]int{}, reasons: map[domain.ReasonCode]int{}, bases: map[domain.OrderID]bool{}}
	entries, stream := map[domain.OrderID]bool{}, invariants.NewStream()
	_, err := eventstore.Replay(t.Context(), log, 0, func(rec domain.Recorded, _ eventstore.Hash) error {
		if err := e.state.Apply(rec); err != nil {
			return err
		}
		if err := stream.Take(rec, e.state); err != nil {
			return fmt.Errorf("revision %d, %s: %w", rec.Rev, rec.Type, err)
		}
		if found, ok := rec.Event.(*domain.BrokerDifferenceFound); ok {
			return fmt.Errorf("revision %d: the books never differed, and yet %v", rec.Rev, found)
		}
		e.note(rec, entries)
		if live, seen := digests[rec.Rev]; seen && live != e.state.Digest() {
			return fmt.Errorf("revision %d: the digest logged live is not that of the replay", rec.Rev)
		}
		for _, live := range states[rec.Rev] {
			if !bytes.Equal(live, projections.StateDocument(e.state)) {
				return fmt.Errorf("revision %d: the state fetched live is not that of the replay", rec.Rev)
			}
		}
		return nil
	})
	require.NoError(t, err, "the log from zero")
	orders := r.proveBook(e)
	told := r.proveAnswers(e)
	r.provePmctl()
	t.Logf("%d signals (%d accepted, %d refused), %d retries, %d events over %d starts, in %v", len(r.senders.heard), told["accepted"], told["rejected"],
		r.senders.retries.Load(), e.state.Events, e.epochs, time.Since(r.began).Round(time.Second))
	t.Logf("%d kills, %d with an order in flight; slowest start %v; %d base orders filled; %d orders at the broker", r.kills, r.inFlight,
		r.slowest.Round(time.Millisecond), len(e.bases), orders)
	if s := r.site.store; s != nil {
		t.Logf("the event store died %d times; %d starts met a late append of the process before; answers that were lost and found: %d", s.kills,
			r.said("the log has grown since it was read"), r.said("the answer to an append was lost; read back"))
		require.Positive(t, r.said("the answer to an append was lost; read back"), "the faults reached the service")
		r.proveCopy(log)
	}
	t.Logf("refused for %v", e.reasons)
	t.Logf("%d states fetched live and %d digests logged live equal the replay", len(r.states), len(digests))
	require.GreaterOrEqual(t, r.kills, r.plan.kills)
	require.GreaterOrEqual(t, r.inFlight, r.plan.inFlight, "kills with an order in flight")
	require.GreaterOrEqual(t, len(e.bases), r.plan.bases, "base orders filled")
	require.NotEmpty(t, r.states)
	require.NotEmpty(t, digests)
}

func (e *evidence) note(rec domain.Recorded, entries map[domain.OrderID]bool) {
	switch ev := rec.Event.(type) {
	case *domain.LeaderEpochStarted:
		e.epochs++
	case *domain.SignalReceived:
		if ev.Outcome == domain.OutcomeAccepted {
			e.accepted[string(ev.SignalID)] = append(e.accepted[string(ev.SignalID)], rec.Rev)
		} else {
			e.refused[string(ev.SignalID)]++
		}
	case *domain.SignalRejected:
		for _, reason := range ev.Reasons {
			e.reasons[reason.Code]++
		}
	case *domain.OrderInitialized:
		entries[ev.OrderID] = ev.Entry != nil && ev.Entry.Layer == 1
	case *domain.OrderFilled:
		if entries[ev.OrderID] {
			e.bases[ev.OrderID] = true
		}
	}
}

// proveAnswers: every signal answered accepted is in the log once as accepted, at the revision that was told; every one answered
// rejected is in it as refused.
func (r *killRun) proveAnswers(e *evidence) map[string]int {
	told := map[string]int{}
	for _, h := range r.senders.heard {
		require.Equal(r.t, h.id, h.SignalID)
		status, at := h.Status, h.Revision
		if status == "duplicate" { // of its own first sending; or of the exit that holds the lots, and then it is recorded as refused
			status, at = "accepted", h.First
			if len(e.accepted[h.id]) == 0 {
				status = "rejected"
			}
		}
		told[status]++
		switch status {
		case "accepted":
			if got := e.accepted[h.id]; !slices.Equal(got, []uint64{at}) {
				r.t.Errorf("%s %s was answered accepted at revision %d, the log has it as accepted at %v", h.instrument, h.id, at, got)
			}
		case "rejected":
			if e.refused[h.id] == 0 {
				r.t.Errorf("%s %s was answered %s, the log does not have it as refused", h.instrument, h.id, h.Status)
			}
			if got := e.accepted[h.id]; len(got) > 0 { // its repeat was judged anew: what was accepted has been forgotten
				r.t.Errorf("%s %s was answered %s, the log has it as accepted at %v", h.instrument, h.id, h.Status, got)
			}
		default:
			r.t.Fatalf("%s %s was answered %q", h.instrument, h.id, h.Status)
		}
	}
	for id, revisions := range e.accepted {
		require.Len(r.t, revisions, 1, "signal %s is accepted more than once", id)
	}
	return told
}

// proveBook: no order twice in the broker's book, and its units are those of the positions.
func (r *killRun) proveBook(e *evidence) int {
	book, err := paper.OpenReader(filepath.Join(r.site.Data(), "paper"))
	require.NoError(r.t, err)
	defer book.Close()
	orders, err := book.AllOrders(r.t.Context())
	require.NoError(r.t, err)
	if err := invariants.AtRest(e.state, orders); err != nil {
		r.t.Errorf("the broker's book: %v", err)
	}
	return len(orders)
}

var digestLine = regexp.MustCompile(`msg="state digest" revision=(\d+) digest=([0-9a-f]{64})`)

// digests are what the processes logged while they lived.
func (r *killRun) digests() map[uint64]string {
	out := map[uint64]string{}
	for n := 1; n <= r.site.Started; n++ {
		text, err := os.ReadFile(r.site.Stderr(n))
		require.NoError(r.t, err)
		for _, m := range digestLine.FindAllSubmatch(text, -1) {
			revision, err := strconv.ParseUint(string(m[1]), 10, 64)
			require.NoError(r.t, err)
			require.Zero(r.t, revision%100)
			out[revision] = string(m[2])
		}
	}
	return out
}

// pmctlStates is how many of the fetched states a separate program must print again.
const pmctlStates = 3

// provePmctl lets pmctl replay the log in a process of its own.
func (r *killRun) provePmctl() {
	_, ctl := programs.Build(r.t, r.site.Version)
	for i := range min(pmctlStates, len(r.states)) {
		s := r.states[(i+1)*len(r.states)/pmctlStates-1]
		cmd := exec.Command(ctl, append(r.site.source(), "replay", "--until", strconv.FormatUint(s.revision, 10), "--state")...)
		printed, err := cmd.Output()
		require.NoError(r.t, err, cmd.String())
		require.True(r.t, bytes.Equal(s.document, printed), "%s prints another state than was fetched live", cmd)
	}
}

// said is how often a line stands in what the processes logged while they lived.
func (r *killRun) said(line string) (n int) {
	for start := 1; start <= r.site.Started; start++ {
		text, err := os.ReadFile(r.site.Stderr(start))
		require.NoError(r.t, err)
		n += bytes.Count(text, []byte(line))
	}
	return n
}

// proveCopy: the local copy is a beginning of the log. It verifies from zero, and its head is the log's at that revision, so that by the chain
// everything before is the log's, too.
func (r *killRun) proveCopy(log eventstore.Log) {
	copied, err := sqlite.OpenReader(r.site.copyFolder())
	require.NoError(r.t, err)
	defer copied.Close()
	head, err := eventstore.Replay(r.t.Context(), copied, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	require.NoError(r.t, err)
	require.Positive(r.t, head.Next)
	require.NoError(r.t, eventstore.Holds(r.t.Context(), log, head), "the log has the copy's head")
}
