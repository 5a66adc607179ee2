package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chart is a webhook that answers as told and remembers what it got.
type chart struct {
	got    []string
	answer func(n int) (status int, body string)
	open   int // how often it says that an order is still open
}

func (c *chart) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.got = append(c.got, r.Header.Get("Authorization")+string(body))
	status, text := c.answer(len(c.got))
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

// look says how many orders are open.
func (c *chart) look(context.Context) (int, error) {
	c.got = append(c.got, "look")
	c.open--
	return max(0, c.open+1), nil
}

// feedTo feeds lines to a chart's answers.
func feedTo(t *testing.T, c *chart, secret string, lines ...string) (outcomes, error) {
	t.Helper()
	server := httptest.NewServer(c)
	defer server.Close()
	at := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	f := &feed{url: server.URL, secret: secret, client: server.Client(), now: func() time.Time { at = at.Add(time.Second); return at }, open: c.look}
	return f.send(t.Context(), []byte(strings.Join(lines, "\n")))
}

func accepted(int) (int, string) { return http.StatusOK, `{"status":"accepted"}` }

func TestTheFeedStampsEachSignalAndWaitsForItsOrders(t *testing.T) {
	c := &chart{answer: accepted, open: 2}
	counts, err := feedTo(t, c, "hush", `{"id":"a","timestamp":"2020-01-01T00:00:00Z","price":1.50}`, "", `{"id":"b"}`)
	require.NoError(t, err)
	require.Equal(t, "2 accepted", counts.String())
	require.Equal(t, []string{
		`Bearer hush{"id":"a","price":1.50,"timestamp":"2026-01-05T04:00:01Z"}`, "look", "look", "look",
		`Bearer hush{"id":"b","timestamp":"2026-01-05T04:00:02Z"}`, "look",
	}, c.got)
}

func TestTheFeedRepeatsTheSameBytesWhenItIsTurnedAway(t *testing.T) {
	c := &chart{answer: func(n int) (int, string) {
		if n == 1 {
			return http.StatusServiceUnavailable, "busy"
		}
		return accepted(n)
	}}
	_, err := feedTo(t, c, "", `{"id":"a"}`)
	require.NoError(t, err)
	require.Equal(t, c.got[0], c.got[1])
}

func TestTheFeedEndsWhereASignalCannotBeBroughtIn(t *testing.T) {
	c := &chart{answer: func(int) (int, string) { return http.StatusBadRequest, "bad" }}
	_, err := feedTo(t, c, "", `{"id":"a"}`, `{"id":"b"}`)
	require.ErrorContains(t, err, "sample signal 1: HTTP 400 bad")
	require.Len(t, c.got, 1, "a form error is not sent again")

	c = &chart{answer: func(int) (int, string) { return http.StatusServiceUnavailable, "busy" }}
	_, err = feedTo(t, c, "", `{"id":"a"}`)
	require.ErrorContains(t, err, "HTTP 503 busy")
	require.Len(t, c.got, feedAttempts)

	_, err = feedTo(t, &chart{answer: accepted}, "", `not JSON`)
	require.ErrorContains(t, err, "not a JSON object")
}

func TestTheFeedEndsWithTheService(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &feed{url: "http://127.0.0.1:1", client: http.DefaultClient, now: time.Now}
	_, err := f.send(ctx, []byte(`{"id":"a"}`))
	require.ErrorIs(t, err, context.Canceled)
}
