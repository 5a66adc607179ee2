package domain_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// stranger is an event of no list.
type stranger struct{}

func (stranger) EventType() string { return "Stranger" }

const noArm = "an event type that this build cannot apply"

func TestApplyHasAnArmForEveryEventOfTheListAndForNoOther(t *testing.T) {
	for kind, empty := range domain.EventTypes {
		st := given(t)
		err := st.state.Apply(domain.Recorded{Meta: metaNext(st, kind), Event: empty()})
		if err != nil { // an empty event may well be impossible; unknown it must not be
			require.NotContains(t, err.Error(), noArm, kind)
		}
	}
	st := given(t)
	err := st.state.Apply(domain.Recorded{Meta: metaNext(st, "Stranger"), Event: stranger{}})
	require.ErrorIs(t, err, domain.ErrImpossible)
	require.ErrorContains(t, err, noArm)
}

// commandField is the index of the field that holds the id of the command which an event was recorded for, -1 if it has none.
func commandField(e domain.Event) int {
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name == "command_id" {
			return i
		}
	}
	return -1
}

// possible are histories behind which an event of a type can happen, and such an event. Of a type that is not here an empty one is tried
// on a portfolio that has just been opened.
var possible = map[string]func(*story) domain.Event{
	"TradingStateChanged": func(*story) domain.Event { return &domain.TradingStateChanged{From: domain.Active, To: domain.Halted} },
	"ExitRequested": func(st *story) domain.Event {
		return &domain.ExitRequested{IntentID: domain.NewIntentID("BANK_NIFTY", st.state.IntentCount), Instrument: "BANK_NIFTY"}
	},
	"ExitWithdrawn": func(st *story) domain.Event {
		st.and(base("52000"), filled(0, "4@52000"))
		st.do(domain.CloseAll{By: "asha", Reason: "r", Now: st.now})
		return &domain.ExitWithdrawn{IntentID: st.state.StandingIntents()[0].ID}
	},
}

func TestACommandWhoseEventIsAppliedIsKnownWhenItComesAgain(t *testing.T) {
	const id = "asked-once"
	seen := 0
	for kind, empty := range domain.EventTypes {
		field := commandField(empty())
		if field < 0 {
			continue
		}
		st, e := given(t), empty()
		if behind := possible[kind]; behind != nil {
			e = behind(st)
		}
		reflect.ValueOf(e).Elem().Field(field).SetString(id)
		m := metaNext(st, kind)
		require.NoError(t, st.state.Apply(domain.Recorded{Meta: m, Event: e}), "give the table above a history behind which %s can happen", kind)
		rev, taken := st.state.Recent.Command(id)
		require.True(t, taken, "a repeat of the command would record %s twice: its arm of Apply takes it with s.Recent.takeCommand", kind)
		require.Equal(t, m.Rev, rev, kind)
		seen++
	}
	require.GreaterOrEqual(t, seen, 6, "the events of a person's commands carry their ids")
}

// metaNext is the metadata of the next event of whoever leads.
func metaNext(st *story, kind string) domain.Meta {
	return domain.Meta{Rev: st.state.Events, At: st.now, Type: kind, Epoch: st.state.Epoch, Inst: st.state.Instance}
}

func TestOnlyWhoLeadsWrites(t *testing.T) {
	money := &domain.CapitalDeposited{Amount: domain.D("1000000"), By: "nobody", ID: "z"}
	for name, change := range map[string]func(*domain.Meta){
		"a later epoch":     func(m *domain.Meta) { m.Epoch = 99 },
		"an earlier epoch":  func(m *domain.Meta) { m.Epoch = 0 },
		"another instance":  func(m *domain.Meta) { m.Inst = "evil" },
		"neither has begun": func(m *domain.Meta) { m.Epoch, m.Inst = 99, "evil" },
	} {
		st := given(t)
		m := metaNext(st, "CapitalDeposited")
		change(&m)
		err := st.state.Apply(domain.Recorded{Meta: m, Event: money})
		require.ErrorIs(t, err, domain.ErrImpossible, name)
		require.ErrorContains(t, err, `while epoch 1 of "test" leads`, name)
	}
	st := given(t)
	require.NoError(t, st.state.Apply(domain.Recorded{Meta: metaNext(st, "CapitalDeposited"), Event: money}))
}

func TestALogBeginsWithItsFirstEpochAndTheSecondEventSaysSo(t *testing.T) {
	opened := &domain.PortfolioOpened{ID: testPortfolio, Currency: "INR", InitialCapital: domain.D("1"), Settings: defaultSettings(t)}
	s := domain.NewState()
	err := s.Apply(domain.Recorded{Meta: domain.Meta{Type: "PortfolioOpened", Epoch: 2, Inst: "test"}, Event: opened})
	require.ErrorContains(t, err, "the log begins with epoch 2")
	s = domain.NewState()
	require.NoError(t, s.Apply(domain.Recorded{Meta: domain.Meta{Type: "PortfolioOpened", Epoch: 1, Inst: "test"}, Event: opened}))
	err = s.Apply(domain.Recorded{Meta: domain.Meta{Rev: 1, Type: "CapitalDeposited", Epoch: 1, Inst: "test"}, Event: &domain.CapitalDeposited{Amount: domain.D("1")}})
	require.ErrorIs(t, err, domain.ErrImpossible)
}
