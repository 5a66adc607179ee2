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

// openOrders counts the orders of an instrument that are not done.
func (c *cli) openOrders(ctx context.Context, instrument string) (int, error) {
	var doc struct {
		Orders []json.RawMessage `json:"orders"`
	}
	err := c.get(ctx, "/api/v1/orders", url.Values{"status": {"open"}, "instrument": {instrument}}, &doc)
	return len(doc.Orders), err
}
