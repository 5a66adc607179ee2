package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// orders lists orders, newest first. The open ones come from the portfolio's own state, so that they are right even if the
// history is not there; it adds when they were made, where it knows.
func (s *Server) orders(c echo.Context) error {
	limit, before, instrument, err := listParams(c)
	if err != nil {
		return err
	}
	status, err := wordParam(c, "status", projections.FilterAll, projections.FilterOpen, projections.FilterDone, projections.FilterAll)
	if err != nil {
		return err
	}
	if status == projections.FilterOpen {
		return s.openOrders(c, limit, before, instrument)
	}
	history, err := s.past(c.Request().Context())
	if err != nil {
		return err
	}
	page := history.Orders(projections.Filter{Status: status, Instrument: instrument}, before, limit)
	if page.Err != nil {
		return unlisted(page.Err)
	}
	return answerOrders(c, limit, page)
}

func answerOrders(c echo.Context, limit int, page projections.Page[projections.Order]) error {
	return answer(c, http.StatusOK, struct {
		Orders   []projections.Order `json:"orders"`
		Limit    int                 `json:"limit"`
		Next     *uint64             `json:"next"`
		Revision uint64              `json:"revision"`
	}{page.Rows, limit, page.Next, page.Head.Revision})
}

func (s *Server) openOrders(c echo.Context, limit int, before *uint64, instrument string) error {
	var all []projections.Order
	page := projections.Page[projections.Order]{Rows: []projections.Order{}}
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) { all, page.Head = projections.OpenOrders(st), h })
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	for _, o := range all {
		if (instrument != "" && o.Instrument != instrument) || (before != nil && o.N >= *before) {
			continue
		}
		if len(page.Rows) == limit {
			last := page.Rows[limit-1].N
			page.Next = &last
			break
		}
		if known, _, err := deps.History.Order(o.OrderID); err == nil && known != nil {
			o.CreatedAt, o.Revision, o.PositionIDs, o.Reason = known.CreatedAt, known.Revision, known.PositionIDs, known.Reason
		}
		page.Rows = append(page.Rows, o)
	}
	return answerOrders(c, limit, page)
}

// order answers one order.
func (s *Server) order(c echo.Context) error {
	history, err := s.past(c.Request().Context())
	if err != nil {
		return err
	}
	o, head, err := history.Order(pathID(c))
	if err != nil {
		return unlisted(err)
	}
	if o == nil {
		return notFound("there is no such order")
	}
	at := head.Revision
	return answer(c, http.StatusOK, struct {
		Order    projections.Order `json:"order"`
		Revision uint64            `json:"revision"`
	}{*o, at})
}

// signals lists signals, newest first.
func (s *Server) signals(c echo.Context) error {
	limit, before, instrument, err := listParams(c)
	if err != nil {
		return err
	}
	outcome, err := wordParam(c, "status", "", domain.OutcomeAccepted, domain.OutcomeRejected)
	if err != nil {
		return err
	}
	kind, err := wordParam(c, "type", "", string(domain.BaseEntry), string(domain.Pyramid), string(domain.Exit), string(domain.MarketData), string(domain.EODMonitor))
	if err != nil {
		return err
	}
	history, err := s.past(c.Request().Context())
	if err != nil {
		return err
	}
	page := history.Signals(projections.Filter{Status: outcome, Instrument: instrument, Type: kind}, before, limit)
	if page.Err != nil {
		return unlisted(page.Err)
	}
	return answer(c, http.StatusOK, struct {
		Signals  []projections.Signal `json:"signals"`
		Limit    int                  `json:"limit"`
		Next     *uint64              `json:"next"`
		Revision uint64               `json:"revision"`
	}{page.Rows, limit, page.Next, page.Head.Revision})
}

// signal answers one signal: of an id that was sent more than once the accepted one, else the latest.
func (s *Server) signal(c echo.Context) error {
	history, err := s.past(c.Request().Context())
	if err != nil {
		return err
	}
	sig, head, err := history.Signal(pathID(c))
	if err != nil {
		return unlisted(err)
	}
	if sig == nil {
		return notFound("there is no such signal")
	}
	return answer(c, http.StatusOK, struct {
		Signal   projections.Signal `json:"signal"`
		Revision uint64             `json:"revision"`
	}{*sig, head.Revision})
}
