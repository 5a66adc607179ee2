package domain_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// The harness of decisions: given what happened, when a command comes, then these events follow. In every step it checks that Decide
// changed nothing and answers the same twice, that its events survive the codec and Apply, and that the invariants of the life cycle hold.

const testPortfolio domain.PortfolioID = "spec"

var dayOne = time.Date(2026, 1, 7, 5, 0, 0, 0, time.UTC) // a Wednesday, 10:30 at the exchange

// tester is what the harness needs of *testing.T and of *rapid.T.
type tester interface {
	require.TestingT
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

type story struct {
	t       tester
	state   *domain.State
	sealer  *eventstore.Sealer
	now     time.Time
	log     []domain.Recorded
	verdict domain.Verdict
	first   uint64
	err     error
	last    []domain.Recorded // events of the last command, due ones included
	quick   bool              // random histories look at purity in one decision of sixteen
	asked   int
}

type step func(*story)

// given opens a portfolio of 5,000,000 with the default settings and goes through the steps.
func given(t tester, steps ...step) *story {
	t.Helper()
	st := &story{t: t, state: domain.NewState(), now: dayOne}
	st.sealer = eventstore.NewSealer(eventstore.Head{Hash: eventstore.Genesis(testPortfolio)}, time.Time{}, eventstore.Author{
		Portfolio: testPortfolio, Instance: "test", Build: "test", Epoch: 1,
	})
	st.do(domain.OpenPortfolio{Portfolio: domain.PortfolioOpened{
		ID: testPortfolio, Currency: "INR", InitialCapital: domain.D("5000000"), Settings: defaultSettings(t),
	}, Instance: "test", Now: st.now})
	require.NoError(t, st.err)
	for _, s := range steps {
		s(st)
		require.NoError(t, st.err)
	}
	return st
}

func defaultSettings(t tester) map[string]string {
	f, err := os.Open("testdata/settings.txt")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k, v, ok := strings.Cut(sc.Text(), "=")
		require.True(t, ok, sc.Text())
		out[k] = v
	}
	return out
}

// when puts the command to the state and keeps what came of it.
func (st *story) when(s step) *story {
	st.t.Helper()
	s(st)
	return st
}

// do decides, applies, and does what is due, as the engine does in one append.
func (st *story) do(c domain.Command) {
	st.t.Helper()
	st.last, st.err = nil, nil
	d := st.decide(c)
	if st.err != nil {
		return
	}
	st.verdict, st.first = d.Verdict, d.FirstRevision
	st.record(d)
	for range 8 {
		due := st.decide(domain.Tick{Now: st.now})
		require.NoError(st.t, st.err)
		if len(due.Drafts) == 0 {
			break
		}
		st.record(due)
	}
	require.Empty(st.t, broken(st.state))
}

func (st *story) decide(c domain.Command) domain.Decision {
	st.t.Helper()
	st.asked++
	if st.quick && st.asked%16 != 0 {
		d, err := domain.Decide(st.state, c)
		st.err = err
		return d
	}
	before := string(st.state.Canonical())
	d, err := domain.Decide(st.state, c)
	again, errAgain := domain.Decide(st.state, c)
	require.Equal(st.t, plain(st.t, d), plain(st.t, again), "Decide answered differently the second time")
	require.Equal(st.t, err, errAgain)
	require.Equal(st.t, before, string(st.state.Canonical()), "Decide changed the state")
	st.err = err
	return d
}

func plain(t tester, d domain.Decision) string {
	out, err := json.Marshal(d)
	require.NoError(t, err)
	return string(out)
}

func (st *story) record(d domain.Decision) {
	st.t.Helper()
	var made []domain.Recorded
	for _, draft := range d.Drafts {
		corr, cause := draft.Corr, draft.Cause
		if draft.After >= 0 {
			corr, cause = made[draft.After].Corr, made[draft.After].ID
		}
		// Seal reads the event back from its own bytes: what is applied has been through the codec.
		at := st.now
		if at.Before(st.sealer.Last()) {
			at = st.sealer.Last()
		}
		_, rec, err := st.sealer.Seal(eventstore.Draft{Event: draft.Event, At: at, Corr: corr, Cause: cause})
		require.NoError(st.t, err)
		before, err := json.Marshal(draft.Event)
		require.NoError(st.t, err)
		after, err := json.Marshal(rec.Event)
		require.NoError(st.t, err)
		require.Equal(st.t, string(before), string(after), "the event changed on its way through the codec")
		require.NoError(st.t, st.state.Apply(rec))
		made = append(made, rec)
	}
	st.last = append(st.last, made...)
	st.log = append(st.log, made...)
}

// then names the events that followed, each with the facts that matter: "OrderInitialized lots=4 layer=Long_1".
func (st *story) then(want ...string) *story {
	st.t.Helper()
	require.NoError(st.t, st.err)
	got := []string{}
	for i := range st.last {
		got = append(got, st.last[i].Type)
	}
	names := []string{}
	for _, w := range want {
		name, _, _ := strings.Cut(w, " ")
		names = append(names, name)
	}
	require.Equal(st.t, names, got)
	for i, w := range want {
		st.facts(i, w)
	}
	return st
}

func (st *story) facts(i int, want string) {
	st.t.Helper()
	body, err := json.Marshal(st.last[i].Event)
	require.NoError(st.t, err)
	var fields map[string]any
	require.NoError(st.t, json.Unmarshal(body, &fields))
	flat := map[string]string{}
	flatten(flat, "", fields)
	for fact := range strings.FieldsSeq(strings.TrimPrefix(want, st.last[i].Type)) {
		k, v, _ := strings.Cut(fact, "=")
		require.Equal(st.t, v, flat[k], "%s of %s in %s", k, st.last[i].Type, slices.Sorted(maps.Keys(flat)))
	}
}

func flatten(out map[string]string, prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			flatten(out, strings.TrimPrefix(prefix+"."+k, "."), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(out, fmt.Sprintf("%s.%d", prefix, i), inner)
		}
		out[prefix+".#"] = fmt.Sprint(len(v))
	default:
		out[prefix] = fmt.Sprint(v)
	}
}

// judged names the verdict and the reasons, in any order of asking but in the order in which an operator reads them.
func (st *story) judged(verdict domain.Verdict, codes ...domain.ReasonCode) *story {
	st.t.Helper()
	require.NoError(st.t, st.err)
	require.Equal(st.t, verdict, st.verdict, "reasons %v", st.reasons())
	require.Equal(st.t, append([]domain.ReasonCode{}, codes...), st.reasons())
	return st
}

func (st *story) reasons() []domain.ReasonCode {
	out := []domain.ReasonCode{}
	for i := range st.last {
		if r, ok := st.last[i].Event.(*domain.SignalRejected); ok {
			for _, reason := range r.Reasons {
				out = append(out, reason.Code)
				if domain.Reasons[reason.Code] == "" {
					st.t.Errorf("no sentence for %s", reason.Code)
				}
			}
		}
	}
	return out
}

// refused expects a person's command to be refused with this code and nothing to be recorded.
func (st *story) refused(code string) *story {
	st.t.Helper()
	var r *domain.Refusal
	require.ErrorAs(st.t, st.err, &r)
	require.Equal(st.t, code, r.Code)
	require.Empty(st.t, st.last)
	st.err = nil
	return st
}

// and goes on with further steps.
func (st *story) and(steps ...step) *story {
	st.t.Helper()
	for _, s := range steps {
		s(st)
	}
	return st
}

func (st *story) position(id string) *domain.Layer {
	st.t.Helper()
	l := st.state.Layer(domain.PositionID(id))
	require.NotNil(st.t, l, "no position %s", id)
	return l
}
