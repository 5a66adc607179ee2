package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// StateAtTimeout bounds the fold of a state of the past, the wait for its turn included.
const StateAtTimeout = 25 * time.Second

// trades lists closed positions with what each earned, the latest closed first.
func (s *Server) trades(c echo.Context) error {
	limit, before, instrument, err := listParams(c)
	if err != nil {
		return err
	}
	history, err := s.past(c.Request().Context())
	if err != nil {
		return err
	}
	page := history.Closed(projections.Filter{Instrument: instrument}, before, limit)
	if page.Err != nil {
		return unlisted(page.Err)
	}
	return answer(c, http.StatusOK, struct {
		Trades   []projections.Position `json:"trades"`
		Limit    int                    `json:"limit"`
		Next     *uint64                `json:"next"`
		Revision uint64                 `json:"revision"`
	}{page.Rows, limit, page.Next, page.Head.Revision})
}

// instance is one running pm.
type instance struct {
	ID     string    `json:"id"`
	Status string    `json:"status"`
	Epoch  uint64    `json:"epoch"`
	Since  time.Time `json:"since"`
	Build  string    `json:"build"`
}

// instances answers who runs: this one, since the embedded log cannot be shared.
func (s *Server) instances(c echo.Context) error {
	limit, err := limitParam(c)
	if err != nil {
		return err
	}
	out := struct {
		Instances []instance `json:"instances"`
		Limit     int        `json:"limit"`
		Next      *string    `json:"next"`
		Revision  uint64     `json:"revision"`
	}{Limit: limit}
	_, status, _ := s.running()
	err = s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		out.Instances, out.Revision = []instance{{s.o.Instance, status, st.Epoch, s.started.UTC(), s.o.Build}}, h.Revision
	})
	return answerOr(c, err, out)
}

// recovery answers what the recoveries found, the latest first.
func (s *Server) recovery(c echo.Context) error {
	limit, err := limitParam(c)
	if err != nil {
		return err
	}
	out := struct {
		Last     *projections.KeptReport  `json:"last"` // of them all; null if nothing was ever recovered
		Reports  []projections.KeptReport `json:"reports"`
		Limit    int                      `json:"limit"`
		Next     *string                  `json:"next"`
		Revision uint64                   `json:"revision"`
	}{Limit: limit}
	err = s.look(c.Request().Context(), func(_ *domain.State, h projections.Head) { out.Revision = h.Revision })
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	last, _, err := deps.Reports.List("", 1)
	if err != nil {
		return err
	}
	if len(last) > 0 {
		out.Last = &last[0]
	}
	next := ""
	if out.Reports, next, err = deps.Reports.List(c.QueryParam("next"), limit); next != "" {
		out.Next = &next
	}
	return answerOr(c, err, out)
}

// untilParam reads a revision or a time.
func untilParam(text string) (projections.Until, error) {
	until, err := projections.ParseUntil(text)
	if err != nil {
		err = badParam("at", "send a revision, or a time like 2026-01-05T09:15:00Z (a + in it is written %2B)")
	}
	return until, err
}

// stateAt answers the state as it was.
func (s *Server) stateAt(c echo.Context, at string) error {
	until, err := untilParam(at)
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	st, err := s.foldTo(c.Request().Context(), deps, until)
	if err != nil {
		return err
	}
	return answerBytes(c, http.StatusOK, echo.MIMEApplicationJSON, projections.StateDocument(st))
}

// foldTo gives the state as it was: the log is folded again, by one reader at a time, beside the writer and not in it.
func (s *Server) foldTo(ctx context.Context, deps *Deps, until projections.Until) (*domain.State, error) {
	ctx, cancel := context.WithTimeout(ctx, StateAtTimeout)
	defer cancel()
	select {
	case s.folding <- struct{}{}:
		defer func() { <-s.folding }()
	case <-ctx.Done():
		return nil, turnedAway(ctx.Err())
	}
	st, err := deps.Journal.StateAt(ctx, until)
	switch {
	case errors.Is(err, projections.ErrBeyond):
		return nil, notFound(err.Error())
	case ctx.Err() != nil:
		return nil, turnedAway(ctx.Err())
	}
	return st, err
}
