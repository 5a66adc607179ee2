package api

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// ExplainTimeout bounds the search for the events of a chain.
const ExplainTimeout = 10 * time.Second

// explain answers why: of a signal, an order, a position or an exit, by its id, an order's tag, or a revision.
func (s *Server) explain(c echo.Context) error {
	id := pathID(c)
	var held *projections.Position
	var head projections.Head
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		head = h
		if l := st.Layer(domain.PositionID(id)); l != nil {
			p := projections.PositionOf(st, l)
			held = &p
		}
	})
	if err != nil {
		return err
	}
	history, err := s.pastAt(c.Request().Context(), head.Revision)
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), ExplainTimeout)
	defer cancel()
	x, err := projections.Chain(ctx, history, deps.Journal, id, held)
	switch {
	case errors.Is(err, projections.ErrNoSubject):
		return notFound(err.Error())
	case ctx.Err() != nil:
		return turnedAway(ctx.Err())
	}
	return answerOr(c, err, x)
}
