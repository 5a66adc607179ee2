package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// Which positions a list is to have: open ones hold lots, all has reserved and closed ones too.
const (
	positionsOpen   = "open"
	positionsClosed = "closed"
	positionsAll    = "all"
)

// positionCursor says where a list goes on: among those of the state behind an id, or among the closed ones before a number.
type positionCursor struct {
	behind string
	closed bool
	before *uint64
}

const (
	cursorLive   = "live."
	cursorClosed = "closed."
)

func parsePositionCursor(text string) (positionCursor, error) {
	if id, ok := strings.CutPrefix(text, cursorLive); ok {
		return positionCursor{behind: id}, nil
	}
	if number, ok := strings.CutPrefix(text, cursorClosed); ok {
		n, err := strconv.ParseUint(number, 10, 63)
		if err == nil {
			return positionCursor{closed: true, before: &n}, nil
		}
	}
	if text == "" {
		return positionCursor{}, nil
	}
	return positionCursor{}, badParam("next", "send "+cursorForm)
}

// positionList is a page on its way.
type positionList struct {
	Positions []projections.Position `json:"positions"`
	Limit     int                    `json:"limit"`
	Next      *string                `json:"next"`
	Revision  uint64                 `json:"revision"`
}

// positions lists positions: those of the state first, by id, then the closed ones, the latest closed first.
func (s *Server) positions(c echo.Context) error {
	limit, err := limitParam(c)
	if err != nil {
		return err
	}
	status, err := wordParam(c, "status", positionsOpen, positionsOpen, positionsClosed, positionsAll)
	if err != nil {
		return err
	}
	instrument, err := instrumentParam(c)
	if err != nil {
		return err
	}
	cursor, err := parsePositionCursor(c.QueryParam("next"))
	if err != nil {
		return err
	}
	list := positionList{Positions: []projections.Position{}, Limit: limit}
	live, err := s.livePositions(c.Request().Context(), &list, status, instrument)
	if err != nil {
		return err
	}
	if !cursor.closed && list.addLive(live, cursor.behind) {
		return answer(c, http.StatusOK, list)
	}
	if status != positionsOpen {
		if err := s.addClosed(c.Request().Context(), &list, live, cursor.before, instrument); err != nil {
			return err
		}
	}
	return answer(c, http.StatusOK, list)
}

// livePositions reads those of the state and notes at which revision.
func (s *Server) livePositions(ctx context.Context, list *positionList, status, instrument string) ([]projections.Position, error) {
	var rows []projections.Position
	err := s.look(ctx, func(st *domain.State, h projections.Head) {
		list.Revision = h.Revision
		switch status {
		case positionsAll:
			rows = projections.Positions(st)
		case positionsOpen:
			rows = projections.OpenPositions(st)
		}
	})
	rows = slices.DeleteFunc(rows, func(p projections.Position) bool { return instrument != "" && p.Instrument != instrument })
	slices.SortFunc(rows, func(a, b projections.Position) int { return cmp.Compare(a.PositionID, b.PositionID) })
	return rows, err
}

// addLive fills the page; full says that it goes on among these.
func (l *positionList) addLive(rows []projections.Position, behind string) (full bool) {
	for _, p := range rows {
		if behind != "" && p.PositionID <= behind {
			continue
		}
		if len(l.Positions) == l.Limit {
			next := cursorLive + l.Positions[l.Limit-1].PositionID
			l.Next = &next
			return true
		}
		l.Positions = append(l.Positions, p)
	}
	return false
}

// addClosed goes on with the closed ones. One that closed after the state was read stands among the live ones already.
func (s *Server) addClosed(ctx context.Context, l *positionList, live []projections.Position, before *uint64, instrument string) error {
	history, err := s.pastAt(ctx, l.Revision)
	if err != nil {
		return err
	}
	page := history.Closed(projections.Filter{Instrument: instrument}, before, l.Limit-len(l.Positions))
	if page.Err != nil {
		return unlisted(page.Err)
	}
	for _, p := range page.Rows {
		if !slices.ContainsFunc(live, func(o projections.Position) bool { return o.PositionID == p.PositionID }) {
			l.Positions = append(l.Positions, p)
		}
	}
	if page.Next != nil {
		next := cursorClosed + strconv.FormatUint(*page.Next, 10)
		l.Next = &next
	}
	return nil
}

// position answers one position, open or closed.
func (s *Server) position(c echo.Context) error {
	id := pathID(c)
	out := struct {
		Position *projections.Position `json:"position"`
		Revision uint64                `json:"revision"`
	}{}
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		out.Revision = h.Revision
		if l := st.Layer(domain.PositionID(id)); l != nil {
			p := projections.PositionOf(st, l)
			out.Position = &p
		}
	})
	if err != nil || out.Position != nil {
		return answerOr(c, err, out)
	}
	history, err := s.pastAt(c.Request().Context(), out.Revision)
	if err != nil {
		return err
	}
	p, _, err := history.Position(id)
	if err != nil {
		return unlisted(err)
	}
	if p == nil {
		return notFound("there is no such position")
	}
	out.Position = p
	return answer(c, http.StatusOK, out)
}

func answerOr(c echo.Context, err error, v any) error {
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, v)
}
