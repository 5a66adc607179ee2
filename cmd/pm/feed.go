package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"pm/cmd/pm/demo"
	"pm/domain"
	"pm/projections"
)

// The limits of the feed.
const (
	feedTimeout  = 10 * time.Second       // one request, the wait for the orders of a signal, and that for the log
	feedPoll     = 20 * time.Millisecond  // between two looks at the open orders
	feedRetry    = 100 * time.Millisecond // before a signal that was turned away goes again
	feedAttempts = 5
	maxAnswer    = 1 << 20
)

// feedDemo sends the sample signals to the service's own webhook, as a chart platform would, when this start opened the portfolio.
func (s *service) feedDemo(ctx context.Context) {
	came := ""
	if s.opened {
		f := &feed{url: s.web.url(), client: &http.Client{Timeout: feedTimeout}, now: time.Now, open: s.openOrders}
		if len(s.cfg.Secrets) > 0 {
			f.secret = s.cfg.Secrets[0].Reveal()
		}
		outcomes, err := f.send(ctx, demo.Signals)
		if err != nil {
			if ctx.Err() == nil {
				s.log.Error("the sample signals were not all sent", "error", err)
			}
			return
		}
		came = fmt.Sprintf("sample signals: %s\n", outcomes)
	}
	s.logOut(ctx)
	fmt.Fprint(s.p.out, came)
	s.nextCommands()
}

// logOut waits for the log: what a person is told to do next stands behind its lines, not among them. A terminal that is paused has it
// said when it goes on, or after feedTimeout.
func (s *service) logOut(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	s.drainLog(ctx)
}

// openOrders is how many orders are not done.
func (s *service) openOrders(ctx context.Context) (n int, err error) {
	err = s.query(ctx, func(st *domain.State, _ projections.Head) { n = len(st.Orders) })
	return n, err
}

// nextCommands says what to try, as it is typed in a second terminal.
func (s *service) nextCommands() {
	curl := "curl -s"
	switch {
	case len(s.cfg.Tokens) > 0:
		curl += " -H 'Authorization: Bearer TOKEN'"
	case len(s.cfg.Secrets) > 0:
		curl += " -H 'Authorization: Bearer SECRET'"
	}
	fmt.Fprintf(s.p.out, `
Dashboard: %[1]s/
Try in a second terminal:
  bin/pmctl --data %[2]s positions
  bin/pmctl --data %[2]s replay
  %[3]s %[1]s/api/v1/portfolio
  %[3]s '%[1]s/api/v1/signals?limit=5'
Stop with Ctrl-C (or kill -9) and start again: the same positions, read from the log.
`, s.web.url(), s.cfg.Data, curl)
}

// feed sends signals one after another, each when the orders of the one before are done.
type feed struct {
	url, secret string
	client      *http.Client
	now         func() time.Time
	open        func(context.Context) (int, error) // orders that are not done: reading them over HTTP would take a token
}

// outcomes counts the answers.
type outcomes map[string]int

func (o outcomes) String() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(o)) {
		parts = append(parts, fmt.Sprintf("%d %s", o[status], status))
	}
	return strings.Join(parts, ", ")
}

// send goes through NDJSON. It ends at the first signal that cannot be brought in.
func (f *feed) send(ctx context.Context, signals []byte) (outcomes, error) {
	counts := outcomes{}
	n := 0
	for line := range bytes.Lines(signals) {
		if n++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		status, err := f.one(ctx, line)
		if err == nil {
			err = f.settled(ctx)
		}
		if err != nil {
			return counts, fmt.Errorf("sample signal %d: %w", n, err)
		}
		counts[status]++
	}
	return counts, nil
}

// one stamps a signal once and sends the same bytes until they are answered: a repeat is recognized.
func (f *feed) one(ctx context.Context, line []byte) (status string, err error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(line, &fields); err != nil {
		return "", fmt.Errorf("not a JSON object: %w", err)
	}
	fields["timestamp"] = json.RawMessage(f.now().UTC().Format(`"` + time.RFC3339Nano + `"`))
	body, err := json.Marshal(fields)
	if err != nil {
		return "", err
	}
	for range feedAttempts {
		var answer struct {
			Status string `json:"status"`
		}
		if err = f.call(ctx, http.MethodPost, "/webhook", body, &answer); err == nil {
			return answer.Status, nil
		}
		var turned *turnedAway
		if !errors.As(err, &turned) || !turned.again() {
			return "", err
		}
		if err := pause(ctx, feedRetry); err != nil {
			return "", err
		}
	}
	return "", err
}

// settled waits until no order is open.
func (f *feed) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	for {
		open, err := f.open(ctx)
		if err != nil || open == 0 {
			return err
		}
		if err := pause(ctx, feedPoll); err != nil {
			return fmt.Errorf("%d orders are still open: %w", open, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turnedAway is an answer that is not 200.
type turnedAway struct {
	status int
	body   string
}

func (e *turnedAway) Error() string { return fmt.Sprintf("HTTP %d %s", e.status, e.body) }

// again says whether the same bytes may be sent again.
func (e *turnedAway) again() bool { return e.status >= http.StatusInternalServerError }

func (f *feed) call(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, f.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if f.secret != "" {
		r.Header.Set("Authorization", "Bearer "+f.secret)
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return &turnedAway{answer.StatusCode, strings.TrimSpace(string(text))}
	}
	return json.Unmarshal(text, into)
}
