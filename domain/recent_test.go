package domain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// exitOf is an EXIT under the id T1 that names these layers, at one fixed instant.
func exitOf(position string) step {
	return send(fmt.Sprintf(`{"type":"EXIT","instrument":"BANK_NIFTY","position":%q,"timestamp":"2026-01-07T05:00:00Z","id":"T1"}`, position))
}

func TestAnExitIsADuplicateOfEveryContentThatItsIdWasAcceptedWith(t *testing.T) {
	st := given(t, held...).when(exitOf("Long_1")).judged(domain.VerdictAccepted)
	first := st.last[0].Rev
	st.and(filled(1, "4@52000"), wait(2*time.Minute), base("52000"), filled(2, "4@52000"))
	st.when(exitOf("ALL")).judged(domain.VerdictAccepted).then("AlarmRaised code=id_conflict", "SignalReceived", "ExitRequested", "OrderInitialized")
	second := st.last[1].Rev
	st.and(filled(3, "4@52000"), wait(2*time.Minute), base("52000"), filled(4, "4@52000"))
	st.when(exitOf("Long_1")).judged(domain.VerdictDuplicate).then()
	require.Equal(t, first, st.first)
	st.when(exitOf("ALL")).judged(domain.VerdictDuplicate).then()
	require.Equal(t, second, st.first)
	require.Equal(t, 4, st.position("BANK_NIFTY-3-Long_1").Free(), "a repeat of the first campaign's exit sells nothing of the third")
}

func TestEachContentOfAnIdIsForgottenInItsOwnTime(t *testing.T) {
	const week = 7 * 24 * time.Hour
	st := given(t, held...).and(exitOf("Long_1"), filled(1, "4@52000"), wait(time.Hour), base("52000"), filled(2, "4@52000"))
	st.and(exitOf("ALL"), filled(3, "4@52000"), wait(time.Hour), base("52000"), filled(4, "4@52000"))
	st.and(wait(week - time.Hour)).when(exitOf("ALL")).judged(domain.VerdictDuplicate)
	st.when(exitOf("Long_1")).judged(domain.VerdictAccepted)
}

func TestWhatIsForgottenDoesNotDependOnOtherSignals(t *testing.T) {
	const week = 7 * 24 * time.Hour
	id := entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "51650", "350", `,"id":"daily"`)
	flat := []step{id, rejected(0)}
	given(t, flat...).and(wait(week)).when(id).judged(domain.VerdictConflict)
	given(t, flat...).and(wait(week + time.Nanosecond)).when(id).judged(domain.VerdictAccepted)
	given(t, flat...).and(wait(week+time.Nanosecond), bar("GOLD_MINI", "1", "1")).when(id).judged(domain.VerdictAccepted)

	// A wall clock that went back decides nothing: log time is the later of the two.
	st := given(t, flat...).and(wait(week+time.Nanosecond), tick(), func(st *story) {
		st.do(domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: "x", Now: st.now})
	}, wait(-time.Hour))
	st.when(id).judged(domain.VerdictAccepted)
}

func TestTheDuplicateWindowEndsWithTheMemoryToo(t *testing.T) {
	short := []step{configured("signals.memory", "30s"), base("52000"), rejected(0)}
	given(t, short...).and(wait(30*time.Second)).when(base("52000")).judged(domain.VerdictDuplicate, domain.ReasonDuplicate)
	given(t, short...).and(wait(30*time.Second + time.Nanosecond)).when(base("52000")).judged(domain.VerdictAccepted)
}
