package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// look reads the state between two steps of the writer, when one of MaxReaders places is free.
func (s *Server) look(ctx context.Context, see func(*domain.State, projections.Head)) error {
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	ctx, cancel := context.WithTimeout(ctx, ReadTimeout)
	defer cancel()
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	case <-ctx.Done():
		return turnedAway(ctx.Err())
	}
	g := &glance{see: see}
	err := deps.Query(ctx, g.look)
	if failed := g.leave(); failed != nil {
		return failed
	}
	if err != nil {
		return turnedAway(err)
	}
	return nil
}

// glance is one look at the state. It runs on the writer's goroutine, so a panic in it must not get there; and it may come after
// its reader has given up, when nobody may write into the reader's variables any more.
type glance struct {
	mu     sync.Mutex
	see    func(*domain.State, projections.Head)
	gone   bool
	failed error
}

func (g *glance) look(st *domain.State, h projections.Head) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			g.failed = fmt.Errorf("a look at the state panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	g.see(st, h)
}

func (g *glance) leave() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	return g.failed
}

// past gives the history once it has come as far as the log is now: whoever was answered before sees what was recorded.
func (s *Server) past(ctx context.Context) (*projections.History, error) {
	var head projections.Head
	if err := s.look(ctx, func(_ *domain.State, h projections.Head) { head = h }); err != nil {
		return nil, err
	}
	return s.pastAt(ctx, head.Revision)
}

func (s *Server) pastAt(ctx context.Context, revision uint64) (*projections.History, error) {
	deps, status, _ := s.running()
	if deps == nil {
		return nil, away(status)
	}
	err := deps.History.WaitFor(ctx, revision)
	var stopped *projections.HistoryStopped
	switch {
	case err == nil:
		return deps.History, nil
	case errors.As(err, &stopped):
		return nil, later(codeHistoryEnded, stopped.Error()+"; trading goes on, lists of the past do not: read the log with pmctl replay", time.Minute)
	}
	return nil, later(codeHistoryBehind, "the lists of the past are still catching up with the log: ask again in a moment", time.Second)
}

// unlisted answers a list whose rows could not be read.
func unlisted(err error) *failure {
	return later(codeHistoryBehind, "the lists of the past cannot be read now: "+err.Error(), time.Second)
}

// portfolio answers the figures of the whole.
func (s *Server) portfolio(c echo.Context) error {
	var out projections.Portfolio
	if err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) { out = projections.PortfolioOf(st, h) }); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

// pyramids answers the open campaigns, by instrument; the last one of a page is its cursor.
func (s *Server) pyramids(c echo.Context) error {
	limit, err := limitParam(c)
	if err != nil {
		return err
	}
	behind := c.QueryParam("next")
	out := struct {
		Pyramids []projections.Pyramid `json:"pyramids"`
		Limit    int                   `json:"limit"`
		Next     *string               `json:"next"`
		Revision uint64                `json:"revision"`
	}{Limit: limit}
	err = s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		out.Pyramids, out.Revision = projections.Pyramids(st), h.Revision
	})
	out.Pyramids = slices.DeleteFunc(out.Pyramids, func(p projections.Pyramid) bool { return p.Instrument <= behind })
	if err == nil && len(out.Pyramids) > limit {
		out.Pyramids = out.Pyramids[:limit]
		out.Next = &out.Pyramids[limit-1].Instrument
	}
	return answerOr(c, err, out)
}

// state answers the whole state, now or as it was: the bytes of projections.StateDocument and nothing else.
func (s *Server) state(c echo.Context) error {
	if at := c.QueryParam("at"); at != "" {
		return s.stateAt(c, at)
	}
	var out []byte
	if err := s.look(c.Request().Context(), func(st *domain.State, _ projections.Head) { out = projections.StateDocument(st) }); err != nil {
		return err
	}
	return answerBytes(c, http.StatusOK, echo.MIMEApplicationJSON, out)
}

// pathID is the last part of the path as its sender meant it: ids of senders may hold any printable character.
func pathID(c echo.Context) string {
	id := c.Param("id")
	if plain, err := url.PathUnescape(id); err == nil && c.Request().URL.RawPath != "" {
		return plain
	}
	return id
}

func notFound(what string) *failure {
	return &failure{status: http.StatusNotFound, code: codeNotFound, message: what}
}
