package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// hook is a webhook that answers from a script and keeps what it was sent.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	orders []string                                     // instruments whose orders were asked for
	answer func(n int, w http.ResponseWriter, b string) // n counts posts from 1; nil accepts
	open   func(instrument string) int
	exits  func() string // standing exits; nil: none
}

const acceptedAnswer = `{"status":"accepted","signal_id":"s","revision":7,"request_id":"r","decision":{"action":"exit","position_id":"COPPER-1-Long_1","layer":"Long_1","lots":3}}`

func newHook(t *testing.T, answer func(n int, w http.ResponseWriter, body string)) *hook {
	t.Helper()
	h := &hook{answer: answer}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v1/orders" {
		name := r.URL.Query().Get("instrument")
		h.mu.Lock()
		h.orders = append(h.orders, name)
		n := h.open(name)
		h.mu.Unlock()
		if n < 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"orders":[%s],"next":null,"revision":1}`, strings.TrimSuffix(strings.Repeat("{},", n), ","))
		return
	}
	if r.URL.Path == "/api/v1/portfolio" {
		h.mu.Lock()
		defer h.mu.Unlock()
		standing := ""
		if h.exits != nil {
			standing = h.exits()
		}
		fmt.Fprintf(w, `{"standing_exits":[%s]}`, standing)
		return
	}
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.bodies = append(h.bodies, string(body))
	n := len(h.bodies)
	h.mu.Unlock()
	if h.answer == nil {
		fmt.Fprint(w, acceptedAnswer)
		return
	}
	h.answer(n, w, string(body))
}

func (h *hook) sent() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.bodies...)
}

// exits are n numbered exits of each instrument, taken in turn.
func exits(n int, instruments ...string) string {
	var out strings.Builder
	for i := range n {
		for _, name := range instruments {
			fmt.Fprintf(&out, `{"type":"EXIT","instrument":"%s","position":"ALL","n":%d}`+"\n", name, i)
		}
	}
	return out.String()
}

func fail(w http.ResponseWriter, code int, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"error":{"code":"code_%d","message":"said so"},"request_id":"r"}`, code)
}

// sending runs signals send against a webhook and reads its ndjson.
func sending(t *testing.T, h *hook, in string, code int, args ...string) []outcome {
	t.Helper()
	args = append([]string{"signals", "send", "-", "--server", h.URL, "-o", "ndjson"}, args...)
	out, _ := pmctlIn(t, in, code, args...)
	var all []outcome
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		var o outcome
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		all = append(all, o)
	}
	return all
}

func TestEveryLineIsPostedAsItStandsInTheFile(t *testing.T) {
	h := newHook(t, nil)
	in := exits(2, "COPPER") + "\n" + `  {"type":"EXIT",  "instrument":"x"}  ` + "\nnot json\n"
	got := sending(t, h, in, exitFine)
	require.Equal(t, []string{
		`{"type":"EXIT","instrument":"COPPER","position":"ALL","n":0}`, `{"type":"EXIT","instrument":"COPPER","position":"ALL","n":1}`,
		`{"type":"EXIT",  "instrument":"x"}`, "not json",
	}, h.sent())
	require.Equal(t, []int{1, 2, 4, 5}, []int{got[0].Line, got[1].Line, got[2].Line, got[3].Line})
}

func TestAnArrayAndASingleObjectAreSignalsToo(t *testing.T) {
	for in, want := range map[string][]string{
		`[{"type":"EXIT"},` + "\n" + ` {"type":"PYRAMID"}]`: {`{"type":"EXIT"}`, `{"type":"PYRAMID"}`},
		"{\n \"type\": \"EXIT\"\n}\n":                       {"{\n \"type\": \"EXIT\"\n}"},
	} {
		h := newHook(t, nil)
		sending(t, h, in, exitFine)
		require.Equal(t, want, h.sent())
	}
	_, errs := pmctlIn(t, "[{]", exitFailed, "signals", "send", "-")
	require.Contains(t, errs, "the array cannot be read")
}

func TestTheSignalsOfAnInstrumentKeepTheirOrderWhateverTheConcurrency(t *testing.T) {
	names := []string{"A", "B", "C", "D", "E", "F", "G"}
	for _, n := range []string{"1", "3", "16"} {
		h := newHook(t, nil)
		sending(t, h, exits(40, names...), exitFine, "--concurrency", n)
		next := map[string]int{}
		for _, body := range h.sent() {
			var sent struct {
				Instrument string
				N          int
			}
			require.NoError(t, json.Unmarshal([]byte(body), &sent))
			require.Equal(t, next[sent.Instrument], sent.N, "%s with %s senders", sent.Instrument, n)
			next[sent.Instrument]++
		}
		require.Len(t, next, len(names))
	}
}

func TestSeveralSendersWorkSideBySide(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	h := newHook(t, func(_ int, w http.ResponseWriter, _ string) {
		both.Done()
		both.Wait() // either would wait for ever if the other were not under way
		fmt.Fprint(w, acceptedAnswer)
	})
	sending(t, h, exits(1, "A", "B"), exitFine, "--concurrency", "2")
}

func TestARefusalByARuleIsAnAnswer(t *testing.T) {
	h := newHook(t, func(n int, w http.ResponseWriter, _ string) {
		if n == 1 {
			fmt.Fprint(w, `{"status":"rejected","signal_id":"s","revision":9,"reasons":[{"code":"not_open","message":"Nothing.","details":{"a":"b"}}]}`)
			return
		}
		fmt.Fprint(w, `{"status":"duplicate","signal_id":"s","first_revision":4,"first":{"status":"accepted","signal_id":"s","revision":4,"decision":{"action":"mark","lots":0}}}`)
	})
	out, _ := pmctlIn(t, exits(2, "COPPER"), exitFine, "signals", "send", "-", "--server", h.URL)
	golden(t, "send.txt", out)
}

func TestStampingSetsTheTimeOnceAndAnIDWhereThereIsNone(t *testing.T) {
	h := newHook(t, nil)
	line := `{"type":"EXIT","timestamp":"2020-01-01T00:00:00Z","instrument":"COPPER","position":"ALL","price":1.50}`
	file := writeFile(t, "day one.ndjson", "\n"+line+"\n"+`{"id":"mine","type":"EXIT"}`+"\n[]\n"+`{"id":null}`+"\n")
	sendFile := func(code int) {
		pmctl(t, code, "signals", "send", file, "--server", h.URL, "--stamp", "now")
	}
	sendFile(exitFine)
	none := sha256.Sum256([]byte("day one.ndjson\n5\n" + `{"id":null}`))
	sum := sha256.Sum256([]byte("day one.ndjson\n2\n" + line))
	require.Equal(t, []string{
		`{"type":"EXIT","timestamp":"2026-01-05T04:00:00Z","instrument":"COPPER","position":"ALL","price":1.50,"id":"` + hex.EncodeToString(sum[:]) + `"}`,
		`{"id":"mine","type":"EXIT","timestamp":"2026-01-05T04:00:00Z"}`,
		`[]`,
		`{"id":"` + hex.EncodeToString(none[:]) + `","timestamp":"2026-01-05T04:00:00Z"}`,
	}, h.sent())
}

func TestTheNextSignalOfAnInstrumentWaitsForItsEarlierOrder(t *testing.T) {
	h := newHook(t, nil)
	left := map[string]int{"A": 3, "B": 0}
	h.open = func(name string) int { // three looks show an order of A under way, one of them no answer at all
		left[name]--
		switch n := left[name]; {
		case n == 1:
			return -1
		case n >= 0:
			return 1
		}
		return 0
	}
	got := sending(t, h, exits(2, "A", "B"), exitFine, "--wait-orders")
	require.Len(t, got, 4)
	require.Equal(t, []string{"A", "A", "A", "A", "B"}, h.orders)
}

func TestAnOrderThatNeverEndsStopsItsInstrument(t *testing.T) {
	h := newHook(t, nil)
	h.open = func(string) int { return 2 }
	got := sending(t, h, exits(2, "A"), exitFailed, "--wait-orders", "--retry-for", "10s")
	require.Equal(t, statusNotSent, got[1].Status)
	require.Contains(t, got[1].Message, "2 orders of A still under way")
	require.Len(t, h.sent(), 1)
}

func TestTheNextSignalWaitsForAnExitThatStandsBetweenTwoOrders(t *testing.T) {
	h := newHook(t, nil)
	h.open = func(string) int { return 0 }
	looks := 0
	h.exits = func() string {
		looks++
		if looks < 3 {
			return `{"instrument":"B"},{"instrument":"A"}`
		}
		return `{"instrument":"B"},{"instrument":"A","held_back":true}`
	}
	sending(t, h, exits(2, "A"), exitFine, "--wait-orders")
	require.Equal(t, 3, looks, "an exit of another instrument, and one that waits for a person, hold nothing up")
	require.Len(t, h.sent(), 2)
}

func TestNothingIsWaitedForWhereNoOrderCanHaveCome(t *testing.T) {
	h := newHook(t, func(_ int, w http.ResponseWriter, _ string) {
		fmt.Fprint(w, `{"status":"rejected","signal_id":"s","revision":9,"reasons":[]}`)
	})
	sending(t, h, exits(3, "A"), exitFine, "--wait-orders")
	require.Empty(t, h.orders)
}

func TestTheDocumentHoldsEveryOutcomeAndTheSummary(t *testing.T) {
	h := newHook(t, nil)
	out, _ := pmctlIn(t, exits(2, "COPPER"), exitFine, "signals", "send", "-", "--server", h.URL, "-o", "json")
	golden(t, "send.json", out)
}

func TestTheSecretGoesIntoTheHeader(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization")+" "+r.URL.RawQuery)
		fmt.Fprint(w, acceptedAnswer)
	}))
	defer server.Close()
	pmctlIn(t, exits(1, "A"), exitFine, "signals", "send", "-", "--server", server.URL, "--token", "hush")
	fromEnv := newTool(exits(1, "A"))
	fromEnv.c.env = func(name string) string {
		return map[string]string{"PM_TOKEN": "quiet", "PM_SERVER": server.URL + "/"}[name]
	}
	require.Zero(t, fromEnv.run("signals", "send", "-"))
	require.Equal(t, []string{"Bearer hush ", "Bearer quiet "}, seen)
}

func TestLimitsOfSendingAreHeld(t *testing.T) {
	h := newHook(t, nil)
	sending(t, h, exits(1, "A"), exitFine, "--concurrency", "256")
	for _, args := range [][]string{
		{"--concurrency", "0"}, {"--concurrency", "257"}, {"--stamp", "later"}, {"--retry-for", "0s"}, {"--retry-wait", "-1s"},
	} {
		pmctlIn(t, exits(1, "A"), exitFailed, append([]string{"signals", "send", "-", "--server", h.URL}, args...)...)
	}
	require.Len(t, h.sent(), 1)
}

func TestAnAnswerThatCannotBeWrittenIsAnError(t *testing.T) {
	h := newHook(t, nil)
	for _, form := range forms {
		tool := newTool(exits(1, "A"))
		tool.c.out = full{}
		require.Equal(t, exitFailed, tool.run("signals", "send", "-", "--server", h.URL, "-o", form))
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
