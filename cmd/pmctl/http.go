package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// The limits of a call to the service.
const (
	callTimeout = 10 * time.Second
	maxAnswer   = 64 << 20 // bytes of one answer
)

// problem is what the service says when it does not do what it was asked.
type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field"`
	} `json:"error"`
}

// call is one request; the answer is read whole. An error means that there was no complete answer.
func (c *cli) call(ctx context.Context, method, address string, body io.Reader) (status int, header http.Header, text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := c.secret(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, resp.Header, text, err
}

func (c *cli) secret() string {
	if c.token != "" {
		return c.token
	}
	return c.env("PM_TOKEN")
}

// unavailable says that the service answered and cannot do it now.
type unavailable struct{ words string }

func (u *unavailable) Error() string { return u.words }

// get reads one resource of the service. A refusal ends in exit code 3; no answer, or one that it cannot now, in 2.
func (c *cli) get(ctx context.Context, path string, query url.Values, into any) error {
	address := c.serverURL() + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	status, _, text, err := c.call(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("no answer from the service: %w (to read the log itself: --data DIR)", err)
	}
	switch {
	case status >= http.StatusInternalServerError:
		return &unavailable{fmt.Sprintf("%s: %s", path, answerWords(status, text))}
	case status != http.StatusOK:
		return refused(fmt.Errorf("%s: %s", path, answerWords(status, text)))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: the answer cannot be read: %w", path, err)
	}
	return nil
}

// answerWords says in a line what a refusal says.
func answerWords(status int, text []byte) string {
	var p problem
	if json.Unmarshal(text, &p) != nil || p.Error.Code == "" {
		return fmt.Sprintf("the service answered %d %s", status, http.StatusText(status))
	}
	field := ""
	if p.Error.Field != "" {
		field = " (" + p.Error.Field + ")"
	}
	return fmt.Sprintf("the service answered %d %s%s: %s", status, p.Error.Code, field, p.Error.Message)
}
