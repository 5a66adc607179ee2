package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stretchr/testify/require"
)

// client waits as long as a chart platform does.
var client = &http.Client{Timeout: 3 * time.Second}

func (s *site) get(ctx context.Context, path string) (code int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url(path), nil)
	if err != nil {
		return 0, nil, err
	}
	return do(req)
}

func (s *site) post(ctx context.Context, body []byte) (code int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url("/webhook"), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	return do(req)
}

// do reads the answer to its end: half an answer is none.
func do(req *http.Request) (code int, body []byte, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// read gets JSON from a pm that runs, and fails the test on anything else.
func (s *site) read(path string, into any) {
	s.t.Helper()
	code, body, err := s.get(s.t.Context(), path)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, code, string(body))
	require.NoError(s.t, json.Unmarshal(body, into))
}

// openOrders counts the orders of an instrument that are not done, "" for all.
func (s *site) openOrders(ctx context.Context, instrument string) (int, error) {
	var list struct {
		Orders []json.RawMessage `json:"orders"`
	}
	code, body, err := s.get(ctx, "/api/v1/orders?status=open&instrument="+url.QueryEscape(instrument))
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

// standing counts the exits of an instrument whose lots are not gone yet, "" for all: between two orders of an exit no order is open.
func (s *site) standing(ctx context.Context, instrument string) (int, error) {
	var p struct {
		Exits []struct {
			Instrument string `json:"instrument"`
		} `json:"standing_exits"`
	}
	code, body, err := s.get(ctx, "/api/v1/portfolio")
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

// settled says whether nothing of an instrument is under way, "" for all; false, too, when the service could not say.
func (s *site) settled(ctx context.Context, instrument string) bool {
	open, err := s.openOrders(ctx, instrument)
	if err != nil || open > 0 {
		return false
	}
	standing, err := s.standing(ctx, instrument)
	return err == nil && standing == 0
}
