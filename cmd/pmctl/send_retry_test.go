package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARetryRepeatsTheSameBytesUntilThereIsAnAnswer(t *testing.T) {
	h := newHook(t, func(n int, w http.ResponseWriter, _ string) {
		switch n {
		case 1:
			fail(w, http.StatusServiceUnavailable, "Retry-After", "2")
		case 2:
			fail(w, http.StatusGatewayTimeout)
		case 3:
			hang(w) // the connection breaks before an answer
		case 4:
			fail(w, http.StatusInternalServerError)
		case 5:
			fmt.Fprint(w, "a proxy's page, and no answer of ours")
		default:
			fmt.Fprint(w, acceptedAnswer)
		}
	})
	got := sending(t, h, exits(1, "COPPER"), exitFine, "--retry", "--stamp", "now")
	require.Len(t, got, 1)
	require.Equal(t, "accepted", got[0].Status)
	require.Equal(t, 6, got[0].Attempts)
	sent := h.sent()
	require.Len(t, sent, 6)
	for _, body := range sent {
		require.Equal(t, sent[0], body)
	}
}

// hang cuts the connection.
func hang(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func TestWaitsGrowAreBoundedAndFollowRetryAfter(t *testing.T) {
	h := newHook(t, func(n int, w http.ResponseWriter, _ string) {
		switch {
		case n == 3:
			fail(w, http.StatusServiceUnavailable, "Retry-After", "1")
		case n < 8:
			fail(w, http.StatusServiceUnavailable, "Retry-After", "never")
		default:
			fmt.Fprint(w, acceptedAnswer)
		}
	})
	tool := newTool(exits(1, "COPPER"))
	var waits []time.Duration
	pass := tool.c.wait
	tool.c.wait = func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return pass(ctx, d)
	}
	require.Zero(t, tool.run("signals", "send", "-", "--server", h.URL, "--retry", "--retry-wait", "2s"))
	ms := time.Millisecond
	require.Equal(t, []time.Duration{100 * ms, 200 * ms, 1000 * ms, 800 * ms, 1600 * ms, 2000 * ms, 2000 * ms}, waits)
}

func TestASignalThatNobodyAnswersStopsItsInstrumentAndNoOther(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"5xx":   func(w http.ResponseWriter) { fail(w, http.StatusServiceUnavailable) },
		"reset": hang,
	} {
		for _, retry := range []bool{false, true} {
			h := newHook(t, func(_ int, w http.ResponseWriter, body string) {
				if strings.Contains(body, `"A"`) && strings.Contains(body, `"n":1`) {
					answer(w)
					return
				}
				fmt.Fprint(w, acceptedAnswer)
			})
			args := []string{"--retry-for", "3s"}
			if retry {
				args = append(args, "--retry")
			}
			got := sending(t, h, exits(3, "A", "B"), exitFailed, args...)
			states := map[string][]string{}
			for _, o := range got {
				states[o.Instrument] = append(states[o.Instrument], o.Status)
			}
			require.Equal(t, []string{"accepted", statusUnanswered, statusNotSent}, states["A"], "%s, retry %v", name, retry)
			require.Equal(t, []string{"accepted", "accepted", "accepted"}, states["B"])
			require.Equal(t, retry, got[2].Attempts > 3)
		}
	}
}

func TestNobodyAtTheAddressIsExitCode2(t *testing.T) {
	h := newHook(t, nil)
	h.Close()
	got := sending(t, h, exits(2, "A"), exitFailed)
	require.Equal(t, statusUnanswered, got[0].Status)
	require.Contains(t, got[0].Message, "refused")
	require.Equal(t, statusNotSent, got[1].Status)
}

func TestARefusalForGoodIsNotRepeatedAndTheNextGoes(t *testing.T) {
	for _, code := range []int{400, 401, 409, 413} {
		h := newHook(t, func(n int, w http.ResponseWriter, _ string) {
			if n == 1 {
				fail(w, code)
				return
			}
			fmt.Fprint(w, acceptedAnswer)
		})
		got := sending(t, h, exits(2, "A"), exitRefused, "--retry")
		require.Equal(t, statusRefused, got[0].Status)
		require.Equal(t, code, got[0].HTTP)
		require.Equal(t, fmt.Sprintf("code_%d", code), got[0].Code)
		require.Equal(t, 1, got[0].Attempts)
		require.Equal(t, "accepted", got[1].Status)
	}
}

func TestAnInterruptEndsTheSendingAndSaysWhatWasNotSent(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := newHook(t, func(n int, w http.ResponseWriter, _ string) {
		if n == 2 {
			cancel()
			hang(w)
			return
		}
		fmt.Fprint(w, acceptedAnswer)
	})
	tool := newTool(exits(4, "A"))
	require.Equal(t, exitFailed, tool.c.run(ctx, []string{"signals", "send", "-", "--server", h.URL, "--retry"}))
	require.Contains(t, tool.out.String(), "4 signals: 1 accepted, 0 rejected, 0 duplicates, 0 refused, 1 unanswered, 2 not sent; 2 attempts")
}
