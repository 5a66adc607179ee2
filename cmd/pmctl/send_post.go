package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pm/projections"
)

// answer is what the webhook says of a signal, all shapes in one.
type answer struct {
	problem
	Status   string                `json:"status"`
	SignalID string                `json:"signal_id"`
	Revision *uint64               `json:"revision"`
	First    *uint64               `json:"first_revision"`
	Decision *projections.Decision `json:"decision"`
	Reasons  []projections.Reason  `json:"reasons"`
	Earlier  *struct {
		Status   string                `json:"status"`
		Decision *projections.Decision `json:"decision"`
		Reasons  []projections.Reason  `json:"reasons"`
	} `json:"first"`
}

// attempt posts the bytes once. done says that repeating them is of no use; after is how long the service asks to wait.
func (s *sender) attempt(ctx context.Context, o *outcome, body []byte) (after time.Duration, done bool) {
	o.Attempts++
	status, header, text, err := s.c.call(ctx, http.MethodPost, s.c.serverURL()+"/webhook", bytes.NewReader(body))
	if err != nil {
		o.HTTP = 0
		o.unanswered(err.Error())
		return 0, ctx.Err() != nil
	}
	o.HTTP = status
	var a answer
	readable := json.Unmarshal(text, &a) == nil
	switch {
	case status == http.StatusOK && readable && a.Status != "":
		o.take(&a)
		return 0, true
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusOK:
		o.unanswered(answerWords(status, text))
		o.Code = a.Error.Code
		return retryAfter(header), false
	default:
		o.failed(statusRefused, answerWords(status, text))
		o.Code = a.Error.Code
		return 0, true
	}
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// underWay counts what an instrument's earlier signals still have to bring about: orders that are not done, and exits that stand
// although they have no order at the moment, because the last one failed and the next one is not due yet.
func (c *cli) underWay(ctx context.Context, instrument string) (int, error) {
	var open struct {
		Orders []json.RawMessage `json:"orders"`
	}
	err := c.get(ctx, "/api/v1/orders", url.Values{"status": {"open"}, "instrument": {instrument}}, &open)
	if err != nil || len(open.Orders) > 0 {
		return len(open.Orders), err
	}
	var portfolio struct {
		Exits []projections.StandingExit `json:"standing_exits"`
	}
	if err := c.get(ctx, "/api/v1/portfolio", nil, &portfolio); err != nil {
		return 0, err
	}
	n := 0
	for _, e := range portfolio.Exits {
		if e.Instrument == instrument && !e.HeldBack { // one that is held back waits for a person
			n++
		}
	}
	return n, nil
}
