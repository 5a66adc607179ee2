package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"pm/projections"
)

// ndjson is the media type of one JSON value a line.
const ndjson = "application/x-ndjson"

// events answers a stretch of the log, oldest first, with its bytes as they are stored. Every record was checked on the way.
func (s *Server) events(c echo.Context) error {
	limit, err := limitParam(c)
	if err != nil {
		return err
	}
	from, err := numberParam(c, "from", "a revision, a whole number from 0")
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	start := uint64(0)
	if from != nil {
		start = *from
	}
	page, err := deps.Journal.Events(c.Request().Context(), start, limit)
	if err != nil {
		return fmt.Errorf("read events: %w", err) // a damaged record is a finding and no weather: the log says which
	}
	if wantsLines(c.Request()) {
		return answerLines(c, page)
	}
	return answer(c, http.StatusOK, struct {
		Events   []projections.Event `json:"events"`
		Limit    int                 `json:"limit"`
		Next     *uint64             `json:"next"`
		Revision uint64              `json:"revision"`
	}{page.Events, limit, page.Next, page.Revision})
}

func wantsLines(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, ndjson) || strings.Contains(accept, "application/ndjson")
}

// answerLines writes one event a line; what stands beside them in the JSON form stands in the headers.
func answerLines(c echo.Context, page projections.EventPage) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for _, e := range page.Events {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("encode an event: %w", err)
		}
	}
	h := c.Response().Header()
	h.Set("X-Revision", strconv.FormatUint(page.Revision, 10))
	if page.Next != nil {
		h.Set("X-Next", strconv.FormatUint(*page.Next, 10))
	}
	return answerBytes(c, http.StatusOK, ndjson, buf.Bytes())
}
