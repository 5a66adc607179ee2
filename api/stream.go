package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"pm/projections"
)

// The limits of the stream of events.
const (
	// MaxStreams is how many streams are open at a time.
	MaxStreams = 32
	// Heartbeat is how often a quiet stream says that it lives.
	Heartbeat = 15 * time.Second
	// streamWrite is how long one write may take: a reader that takes nothing is cut off and may come back.
	streamWrite = 10 * time.Second
	// streamRetry is what a browser waits before it comes back.
	streamRetry = time.Second
)

// lastEventID is the header with which a reader of server-sent events comes back.
const lastEventID = "Last-Event-ID"

// streamFrom reads where a stream begins: behind the last event that the reader has, at `from`, or, nil, with what comes next.
func streamFrom(c echo.Context) (*uint64, error) {
	if text := c.Request().Header.Get(lastEventID); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return nil, badParam(lastEventID, "send the id of the last event that you have, a revision")
		}
		n++
		return &n, nil
	}
	return numberParam(c, "from", "a revision, a whole number from 0")
}

// stream sends the events of the log as they are recorded, as server-sent events whose id is the revision. A reader that comes back
// with Last-Event-ID misses nothing and sees nothing twice.
func (s *Server) stream(c echo.Context) error {
	from, err := streamFrom(c)
	if err != nil {
		return err
	}
	deps, status, ended := s.streaming()
	if deps == nil {
		return away(status)
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return later(codeBusy, fmt.Sprintf("%d streams are open: close one, or come back later", MaxStreams), 5*time.Second)
	}
	ctx, stop := context.WithCancel(c.Request().Context())
	defer stop()
	head, err := deps.Journal.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if from == nil {
		from = &head.Next
	}
	if *from > head.Next {
		return notFound(fmt.Sprintf("there is no revision %d yet: the log ends at %s", *from-1, head))
	}
	return s.pump(ctx, newEventWriter(c, *from), follow(ctx, deps.Journal, *from), ended)
}

// followed is a stretch of events on its way to a reader, or why there are no more.
type followed struct {
	event projections.Event
	err   error
}

// follow reads the log for one stream; the channel is closed when the context has ended.
func follow(ctx context.Context, j *projections.Journal, from uint64) <-chan followed {
	out := make(chan followed)
	go func() {
		defer close(out)
		err := j.Follow(ctx, from, func(e projections.Event) error {
			select {
			case out <- followed{event: e}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		select {
		case out <- followed{err: err}:
		case <-ctx.Done():
		}
	}()
	return out
}

// pump writes until the reader leaves, the service ends or the log cannot be read. By then the answer has begun, so that an error
// can only end it.
func (s *Server) pump(ctx context.Context, w *eventWriter, events <-chan followed, ended <-chan struct{}) error {
	if w.begin() != nil {
		return nil
	}
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		var failed error
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-beat.C:
			failed = w.comment("alive")
		case f := <-events:
			if f.err != nil {
				s.log.Error("a stream of events has ended", "error", f.err)
				return nil
			}
			failed = w.event(f.event)
		}
		if failed != nil {
			return nil
		}
	}
}

// eventWriter writes server-sent events.
type eventWriter struct {
	c    echo.Context
	ctl  *http.ResponseController
	from uint64
}

func newEventWriter(c echo.Context, from uint64) *eventWriter {
	return &eventWriter{c: c, ctl: http.NewResponseController(c.Response()), from: from}
}

// begin sends the header and where the stream begins, so that a reader that is cut off before the first event comes back to there.
func (w *eventWriter) begin() error {
	// The server's limits are for answers that end; a stream lives as long as its reader takes what it sends.
	if err := w.ctl.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	h := w.c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	w.c.Response().WriteHeader(http.StatusOK)
	var first bytes.Buffer
	fmt.Fprintf(&first, "retry: %d\n", streamRetry.Milliseconds())
	if w.from > 0 {
		fmt.Fprintf(&first, "id: %d\n", w.from-1)
	}
	first.WriteByte('\n')
	return w.send(first.Bytes())
}

func (w *eventWriter) event(e projections.Event) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "id: %d\nevent: %s\ndata: ", e.Revision, e.Type)
	enc := json.NewEncoder(&out) // one line: the stored data has none inside
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err
	}
	out.WriteByte('\n')
	return w.send(out.Bytes())
}

func (w *eventWriter) comment(text string) error { return w.send([]byte(": " + text + "\n\n")) }

func (w *eventWriter) send(b []byte) error {
	if err := w.ctl.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.c.Response().Write(b); err != nil {
		return err
	}
	return w.ctl.Flush()
}

// streaming is running, and the channel that is closed when the server stops being active.
func (s *Server) streaming() (*Deps, string, <-chan struct{}) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.status != Active {
		return nil, s.status, nil
	}
	return s.deps, s.status, s.ended
}
