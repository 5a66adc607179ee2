package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// watch is the tick of a service whose clock runs.
func watch() step { return func(st *story) { st.do(domain.Tick{Now: st.now, Watch: true}) } }

// every sends bars that come so far apart.
func every(gap time.Duration, n int) step {
	return func(st *story) {
		for range n {
			wait(gap)(st)
			bar("BANK_NIFTY", "52100", "350")(st)
		}
	}
}

func TestBarsThatStopForAnOpenPositionCallAPersonOnceUntilTheNextBar(t *testing.T) {
	st := given(t, held...).and(every(15*time.Minute, 3))
	st.and(wait(30*time.Minute - time.Second)).when(watch()).then()
	st.and(wait(time.Second)).when(watch()).then("AlarmRaised code=bars_missing subject=BANK_NIFTY details.interval=15m0s")
	st.and(wait(time.Hour)).when(watch()).then()
	require.Len(t, st.state.Alarms, 1)
	st.when(bar("BANK_NIFTY", "52100", "350")).then("SignalReceived", "BarClosed")
	require.Empty(t, st.state.Alarms, "gone with the next bar")
}

func TestOneLongGapBetweenOrdinaryOnesDoesNotSlowTheWatch(t *testing.T) {
	st := given(t, held...).and(every(15*time.Minute, 3), every(18*time.Hour, 1))
	st.and(wait(30 * time.Minute)).when(watch()).then("AlarmRaised details.interval=15m0s")
	st.and(every(15*time.Minute, 2))
	st.and(wait(30 * time.Minute)).when(watch()).then("AlarmRaised details.interval=15m0s")
}

func TestANewIntervalIsLearntFromTwoGaps(t *testing.T) {
	st := given(t, held...).and(every(15*time.Minute, 3), every(time.Hour, 2))
	st.and(wait(2*time.Hour - time.Second)).when(watch()).then()
	st.and(wait(time.Second)).when(watch()).then("AlarmRaised details.interval=1h0m0s")
}

func TestAPositionThatNeverHadABarIsWatchedFromItsFill(t *testing.T) {
	st := given(t, base("52000"), filled(0, "4@52000")).and(wait(domain.MissingBars*domain.DefaultBarInterval - time.Second)).when(watch()).then()
	st.and(wait(time.Second)).when(watch()).then("AlarmRaised code=bars_missing details.last_bar=none")
	late := given(t, every(time.Hour, 2), wait(100*time.Hour)).when(watch()).then()
	late.and(held...).when(watch()).then()
}

func TestABarFromTheFutureTeachesNoInterval(t *testing.T) {
	ahead := send(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"2026-03-08T05:00:00Z","price":52100,"atr":350,"supertrend":1}`)
	st := given(t, held...).and(every(15*time.Minute, 1), wait(15*time.Minute), ahead)
	st.and(wait(30 * time.Minute)).when(watch()).then("AlarmRaised code=bars_missing details.interval=15m0s")
}

func TestTheAlarmOfMissingBarsEndsWithThePosition(t *testing.T) {
	st := given(t, held...).and(wait(2 * time.Hour)).when(watch()).then("AlarmRaised")
	st.and(exit("BANK_NIFTY", "ALL", ""), accepted(1))
	require.Len(t, st.state.Alarms, 1, "the lots are still held")
	st.and(filled(1, "4@52000"))
	require.Empty(t, st.state.Alarms)
	st.and(wait(100 * time.Hour)).when(watch()).then()
}

func TestABacktestDoesNotWatch(t *testing.T) {
	given(t, held...).and(wait(100 * time.Hour)).when(tick()).then()
}

func TestOnlyTimeInTheSessionCountsWhereSessionsAreEnforced(t *testing.T) {
	enforced := configured("signals.enforce_session", "true")
	// Wednesday 2026-01-07, 10:30 at the exchange; the session ends at 15:30 and begins at 09:15.
	st := given(t, enforced).and(held...).and(every(time.Hour, 4)) // the last bar at 14:30
	st.and(wait(time.Hour), wait(17*time.Hour+45*time.Minute+time.Hour-time.Second)).when(watch()).then()
	st.and(wait(time.Second)).when(watch()).then("AlarmRaised code=bars_missing") // 10:15 on Thursday
}

func TestADailyBarMayBeMissedOverAWeekend(t *testing.T) {
	st := given(t, configured("signals.enforce_session", "true")).and(held...)
	at := func(text string) step {
		return func(st *story) { st.now = must(time.Parse(time.RFC3339, text)) }
	}
	for _, day := range []string{"07", "08", "09"} { // to Friday's close
		st.and(at("2026-01-"+day+"T10:00:00Z"), bar("BANK_NIFTY", "52100", "350"))
	}
	st.and(at("2026-01-13T09:59:59Z")).when(watch()).then()
	st.and(at("2026-01-13T10:00:00Z")).when(watch()).then("AlarmRaised details.interval=24h0m0s")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
