package api

import (
	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// formatAnswer says what the log is written in. Where known is above format, the log waits for a person to raise it.
type formatAnswer struct {
	Format   int    `json:"format"`
	Known    int    `json:"known"` // the newest that this build reads and writes
	Revision uint64 `json:"revision"`
}

// format shows the log's format.
func (s *Server) format(c echo.Context) error {
	out := formatAnswer{Known: domain.Format}
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) { out.Format, out.Revision = st.Format, h.Revision })
	return answerOr(c, err, out)
}

// raiseFormat lets the log be written in a newer format. The one who asks knows that no older build reads it any more.
func (s *Server) raiseFormat(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, to := f.commandID(false), f.whole("to")
	if err := f.finish(); err != nil {
		return err
	}
	by := actorOf(c).Name
	return s.run(c, order{id, by, domain.RaiseFormat{To: to, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(domain.Event) bool {
		return false // FormatRaised carries no id: whatever has this one was another command's
	})})
}
