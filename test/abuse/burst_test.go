package abuse

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/test/programs"
)

// burstForm is how large the burst is and how long an exit may wait beside it.
type burstForm struct {
	signals, senders int
	exitWithin       time.Duration
}

// form of the burst: the long one wants the machine for itself and holds exits to their second. The short one runs beside the other
// tests, where the machine is anybody's, and holds them to the 3 s after which a chart platform hangs up. In both there are more
// senders than places for entries.
func (b *burst) form() burstForm {
	if os.Getenv("PM_E2E") == "full" {
		return burstForm{signals: 20_000, senders: 1500, exitWithin: time.Second}
	}
	return burstForm{signals: 4000, senders: 1100, exitWithin: 3 * time.Second}
}

// burst is what was sent and heard, by the ids of the senders.
type burst struct {
	p          *program
	mu         sync.Mutex
	told       map[string]int // status by id, 0 for no answer
	took       []time.Duration
	turnedAway int
}

// entry sends one signal that most likely is refused, as those of a flood are, and sends it again when it is told to.
func (b *burst) entry(i int) {
	id := fmt.Sprintf("burst-%d", i)
	body := fmt.Sprintf(`{"type":"PYRAMID","instrument":%q,"timestamp":%q,"position":"Long_2","price":50000,"stop":49800,"atr":200,"er":1,`+
		`"supertrend":49800,"id":%q}`, []string{"COPPER", "GOLD_MINI", "SILVER_MINI", "NOBODY_KNOWS"}[i%4], stamp(), id)
	for {
		a, err := b.p.send(http.MethodPost, "/webhook", body, "Authorization", "Bearer "+secret)
		b.note(id, a, err)
		after, _ := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusServiceUnavailable || b.p.T.Context().Err() != nil {
			return
		}
		programs.Pause(b.p.T.Context(), time.Duration(after)*time.Second)
	}
}

func (b *burst) note(id string, a answer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[id] = a.status
	if a.status == http.StatusServiceUnavailable {
		b.turnedAway++
	}
	b.took = append(b.took, a.took)
	if err == nil && a.status != http.StatusOK && a.read.Error.Code != "busy" && a.read.Error.Code != "outcome_unknown" {
		b.p.T.Errorf("%s: %d %s", id, a.status, a.body)
	}
}

// flood sends all of them and closes the channel it gives when the last is answered.
func (b *burst) flood(form burstForm) <-chan struct{} {
	done := make(chan struct{})
	var next atomic.Int64
	var wg sync.WaitGroup
	for range form.senders {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(form.signals); i = next.Add(1) {
				b.entry(int(i))
			}
		})
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}

// trades opens a position and leaves it again, over and over until the flood is over.
func (b *burst) trades(done <-chan struct{}) (exits []answer) {
	for n := 1; ; n++ {
		select {
		case <-done:
			return exits
		default:
		}
		if _, err := b.p.send(http.MethodPost, "/webhook", base(fmt.Sprintf(`,"id":"in-%d"`, n)), "Authorization", "Bearer "+secret); err != nil {
			b.p.T.Logf("entry %d had no answer: %v", n, err)
		}
		exits = append(exits, b.p.post(exit("BANK_NIFTY", fmt.Sprintf(`,"id":"out-%d"`, n))))
	}
}

// leaves asks for exits of nothing all the while: they are answered like any other.
func (b *burst) leaves(done <-chan struct{}) (exits []answer, err error) {
	for n := 1; ; n++ {
		select {
		case <-done:
			return exits, nil
		default:
		}
		body := exit("SILVER_MINI", fmt.Sprintf(`,"id":"none-%d"`, n))
		a, err := b.p.send(http.MethodPost, "/webhook", body, "Authorization", "Bearer "+secret)
		if err != nil {
			return exits, err
		}
		exits = append(exits, a)
	}
}

func TestInABurstOfSignalsEveryExitIsAnsweredInTime(t *testing.T) {
	p := start(t, "log: {level: error}\n")
	b := &burst{p: p, told: map[string]int{}}
	form, began := b.form(), time.Now()
	done := b.flood(form)
	var beside []answer
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { beside, failed = b.leaves(done) })
	exits := b.trades(done)
	wg.Wait()
	require.NoError(t, failed)
	took, accepted := time.Since(began), 0
	var waits []time.Duration
	for _, a := range append(exits, beside...) {
		require.Equal(t, http.StatusOK, a.status, a.body)
		waits = append(waits, a.took)
		if a.read.Status == "accepted" {
			accepted++
		}
	}
	slices.Sort(waits)
	slices.Sort(b.took)
	codes := map[int]int{}
	for _, status := range b.told {
		codes[status]++
	}
	t.Logf("%d signals of %d senders in %v: turned away %d times, answered %v, half of them within %v", form.signals, form.senders, took.Round(time.Millisecond), b.turnedAway, codes,
		b.took[len(b.took)/2].Round(time.Millisecond))
	t.Logf("%d exits beside them, %d of them of something held: half within %v, the slowest %v", len(waits), accepted,
		waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)-1].Round(time.Millisecond))
	require.Less(t, waits[len(waits)-1], form.exitWithin)
	require.Positive(t, accepted, "something was held and left")
	require.Len(t, b.told, form.signals)
	require.Positive(t, codes[http.StatusOK])
	b.prove()
}

// prove holds every answer against the log: what was acknowledged is there, what was turned away is not, and nothing is held.
func (b *burst) prove() {
	t, p := b.p.T, b.p
	require.Eventually(t, func() bool { return atRest(t, p.history()) }, 30*time.Second, 100*time.Millisecond, "lots stay behind")
	recorded := map[string]bool{}
	for _, e := range p.history() {
		if s, ok := e.Event.(*domain.SignalReceived); ok {
			require.False(t, recorded[string(s.SignalID)] && s.Outcome == "accepted", "%s acted twice", s.SignalID)
			recorded[string(s.SignalID)] = true
		}
	}
	for id, status := range b.told {
		switch status {
		case http.StatusOK:
			require.True(t, recorded[id], "%s was acknowledged and is lost", id)
		case http.StatusServiceUnavailable:
			require.False(t, recorded[id], "%s was turned away and recorded", id)
		}
	}
}

// atRest says that nothing is held, ordered or leaving.
func atRest(t testing.TB, events []domain.Recorded) bool {
	t.Helper()
	state := domain.NewState()
	for _, e := range events {
		require.NoError(t, state.Apply(e))
	}
	open := len(state.Orders) + len(state.Intents)
	for _, m := range state.Markets {
		if m.Campaign != nil {
			open++
		}
		open += len(m.Late)
	}
	return open == 0
}
