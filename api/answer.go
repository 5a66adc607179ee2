package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"pm/domain"
)

// The codes of an error answer.
const (
	codeUnauthorized  = "unauthorized"
	codeForbidden     = "forbidden"
	codeMediaType     = "unsupported_media_type"
	codeIDConflict    = "id_conflict"
	codeTooLarge      = "too_large"
	codeBusy          = "busy"
	codeRateLimited   = "rate_limited"
	codeRecovering    = "recovering"
	codeLog           = "log_unavailable"
	codeUnknown       = "outcome_unknown"
	codeNotFound      = "not_found"
	codeMethod        = "method_not_allowed"
	codeInvalid       = domain.InvalidField
	codeInternal      = "internal"
	codeHistoryBehind = "history_behind"
	codeHistoryEnded  = "history_stopped"
)

// failure is an answer that is no success: handlers return it, answerError writes it.
type failure struct {
	status     int
	code       string
	message    string
	field      string
	details    []domain.Problem
	retryAfter time.Duration
}

// Error says what the sender reads.
func (f *failure) Error() string { return f.code + ": " + f.message }

// errorBody is the shape of every error answer.
type errorBody struct {
	Error     errorDetail `json:"error"`
	RequestID string      `json:"request_id"`
}

type errorDetail struct {
	Code    string           `json:"code"`
	Message string           `json:"message"`
	Field   string           `json:"field,omitempty"`
	Details []domain.Problem `json:"details,omitempty"`
}

// later is a 503: nothing was recorded, send again.
func later(code, message string, wait time.Duration) *failure {
	return &failure{status: http.StatusServiceUnavailable, code: code, message: message, retryAfter: wait}
}

// answerError writes any error that a handler or the router gave back.
func (s *Server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var f *failure
	var routed *echo.HTTPError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &routed) && routed.Code == http.StatusMethodNotAllowed:
		f = &failure{status: routed.Code, code: codeMethod, message: "this address takes another method: signals and commands are posted, everything else is read with GET"}
	case errors.As(err, &routed) && routed.Code == http.StatusNotFound:
		f = &failure{status: routed.Code, code: codeNotFound, message: "nothing stands at this address"}
	default:
		s.log.Error("a request failed", "request_id", requestID(c), "path", c.Request().URL.Path, "error", err)
		f = &failure{status: http.StatusInternalServerError, code: codeInternal, message: "the service failed on this request; its log says why"}
	}
	if f.retryAfter > 0 {
		seconds := int64((f.retryAfter + time.Second - 1) / time.Second)
		c.Response().Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	body := errorBody{errorDetail{f.code, f.message, f.field, f.details}, requestID(c)}
	if err := answer(c, f.status, body); err != nil {
		s.log.Debug("an answer could not be written", "request_id", requestID(c), "error", err)
	}
}

// answer writes JSON. Stored bytes go out as they are: HTML characters are not escaped, and no browser may take the answer for a page.
func answer(c echo.Context, status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return answerBytes(c, status, echo.MIMEApplicationJSON, buf.Bytes())
}

func answerBytes(c echo.Context, status int, kind string, body []byte) error {
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(status, kind, body)
}

// maxRequestID is the most characters of a sender's own request id.
const maxRequestID = 64

// identify gives every request an id: the sender's, if it is one, else a new one.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !saneID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

func requestID(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// saneID keeps what goes into logs and answers to letters, digits and a few marks.
func saneID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// survive turns a panic of a handler into a 500 and a log entry with the stack. The writer runs elsewhere and is not touched;
// a signal that it took meanwhile is recognized when it is sent again.
func (s *Server) survive(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if aborted, ok := cause.(error); ok && errors.Is(aborted, http.ErrAbortHandler) {
				panic(cause) // net/http wants this one back: it hangs up without a word
			}
			s.log.Error("a request handler panicked", "request_id", requestID(c), "path", c.Request().URL.Path, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = &failure{status: http.StatusInternalServerError, code: codeInternal, message: "the service failed on this request; its log says why"}
		}()
		return next(c)
	}
}

// away is what a server that takes nothing answers.
func away(status string) *failure {
	if status == Recovering {
		return later(codeRecovering, "the service is recovering: send again in a moment", 5*time.Second)
	}
	return later(codeLog, "the service is "+status+": send again in a moment", 5*time.Second)
}

// turnedAway explains why a read or a signal got no place: nothing was recorded.
func turnedAway(err error) *failure {
	switch {
	case errors.Is(err, ErrBusy):
		return later(codeBusy, "more is waiting than fits: send again", time.Second)
	case errors.Is(err, context.DeadlineExceeded):
		return later(codeBusy, "the service did not get to it in time: ask again", time.Second)
	}
	return later(codeLog, "the service is stopping: send again in a moment", 5*time.Second)
}
