package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// client waits as long as a chart platform does.
var client = &http.Client{Timeout: 3 * time.Second}

// Get asks for a path.
func (s *Site) Get(ctx context.Context, path string) (code int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(path), nil)
	if err != nil {
		return 0, nil, err
	}
	return Do(req)
}

// Post hands a signal in.
func (s *Site) Post(ctx context.Context, body []byte) (code int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL("/webhook"), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	return Do(req)
}

// Do makes a request and reads the answer to its end: half an answer is none.
func Do(req *http.Request) (code int, body []byte, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// Read gets JSON from a pm that runs, and fails the test on anything else.
func (s *Site) Read(path string, into any) {
	s.T.Helper()
	code, body, err := s.Get(s.T.Context(), path)
	require.NoError(s.T, err)
	require.Equal(s.T, http.StatusOK, code, string(body))
	require.NoError(s.T, json.Unmarshal(body, into))
}

// OpenOrders counts the orders of an instrument that are not done, "" for all.
func (s *Site) OpenOrders(ctx context.Context, instrument string) (int, error) {
	var list struct {
		Orders []json.RawMessage `json:"orders"`
	}
	code, body, err := s.Get(ctx, "/api/v1/orders?status=open&instrument="+url.QueryEscape(instrument))
	if err != nil {
		return 0, err
	}
	if code != http.StatusOK {
		return 0, errNotNow
	}
	err = json.Unmarshal(body, &list)
	return len(list.Orders), err
}

// errNotNow says that pm answered and could not say: it is recovering, or stopping.
var errNotNow = errors.New("not now")

// Standing counts the exits of an instrument whose lots are not gone yet, "" for all: between two orders of an exit no order is open.
func (s *Site) Standing(ctx context.Context, instrument string) (int, error) {
	var p struct {
		Exits []struct {
			Instrument string `json:"instrument"`
		} `json:"standing_exits"`
	}
	code, body, err := s.Get(ctx, "/api/v1/portfolio")
	if err == nil && code != http.StatusOK {
		err = errNotNow
	}
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	n := 0
	for _, e := range p.Exits {
		if instrument == "" || e.Instrument == instrument {
			n++
		}
	}
	return n, err
}

// Settled says whether nothing of an instrument is under way, "" for all; false, too, when the service could not say.
func (s *Site) Settled(ctx context.Context, instrument string) bool {
	open, err := s.OpenOrders(ctx, instrument)
	if err != nil || open > 0 {
		return false
	}
	standing, err := s.Standing(ctx, instrument)
	return err == nil && standing == 0
}

// Quiet waits until no order and no exit is under way.
func (s *Site) Quiet() {
	s.T.Helper()
	s.Until(StopWithin, "nothing is under way", func() bool { return s.Settled(s.T.Context(), "") })
}

// Base is a base entry for Signal: instrument, price, stop, ATR, supertrend.
const Base = `{"type":"BASE_ENTRY","instrument":%q,"position":"Long_1","timestamp":"NOW","price":%s,"stop":%s,"atr":%s,"er":1,"supertrend":%s}`

// Signal sends a signal, a format whose NOW becomes this moment, and wants it accepted.
func (s *Site) Signal(form string, args ...any) {
	s.T.Helper()
	code, answer := s.Send(form, args...)
	require.Equal(s.T, http.StatusOK, code, answer)
	require.True(s.T, strings.HasPrefix(answer, `{"status":"accepted"`), answer) // a duplicate tells the first outcome further behind
}

// Send sends a signal as Signal does and gives the answer.
func (s *Site) Send(form string, args ...any) (code int, answer string) {
	s.T.Helper()
	body := strings.Replace(fmt.Sprintf(form, args...), "NOW", time.Now().UTC().Format(time.RFC3339Nano), 1)
	code, text, err := s.Post(s.T.Context(), []byte(body))
	require.NoError(s.T, err)
	return code, string(text)
}
