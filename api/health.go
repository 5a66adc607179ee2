package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// ReadyTimeout is how long the writer may take to show that it is alive.
const ReadyTimeout = time.Second

// MaxHistoryLag is how many events the history may be behind before readyz names it.
const MaxHistoryLag = 10_000

// health is what /livez and /readyz answer.
type health struct {
	Status       string              `json:"status"` // recovering, active, crashed, stopping
	Ready        bool                `json:"ready"`
	Reasons      []string            `json:"reasons"`  // why it is not ready
	Degraded     []string            `json:"degraded"` // what is wrong although signals are taken
	TradingState string              `json:"trading_state,omitempty"`
	Revision     *uint64             `json:"revision,omitempty"`
	AlarmCount   *int                `json:"alarm_count,omitempty"` // absent where nobody counted: livez does not ask the writer
	Alarms       []projections.Alarm `json:"alarms,omitempty"`      // for whoever may read
	History      *historyHealth      `json:"history,omitempty"`
	Snapshot     *snapshotHealth     `json:"snapshot,omitempty"`
	Instance     string              `json:"instance"`
	Build        string              `json:"build"`
	Uptime       string              `json:"uptime"`
}

// historyHealth is progress, not presence: a follower that stands still is behind.
type historyHealth struct {
	Healthy bool   `json:"healthy"`
	Events  uint64 `json:"events"`
	Behind  uint64 `json:"behind"`
	Trouble string `json:"trouble,omitempty"`
}

func (s *Server) health() health {
	_, status, reasons := s.running()
	return health{
		Status: status, Reasons: append([]string{}, reasons...), Degraded: []string{}, Instance: s.o.Instance, Build: s.o.Build,
		Uptime: s.now().Sub(s.started).Round(time.Second).String(),
	}
}

// livez says that the process answers. It fails only when the service itself knows that it is lost.
func (s *Server) livez(c echo.Context) error {
	h := s.health()
	h.Ready = h.Status == Active
	s.shorten(c.Request(), &h)
	if h.Status == Crashed {
		return answer(c, http.StatusServiceUnavailable, h)
	}
	return answer(c, http.StatusOK, h)
}

// shorten takes out of an answer to whoever may not read the portfolio what names money, places and people: a message keeps its code.
func (s *Server) shorten(r *http.Request, h *health) {
	if s.local(r) && s.actor(r).Role >= Viewer {
		return
	}
	h.Alarms = nil
	for _, list := range [][]string{h.Reasons, h.Degraded} {
		for i, text := range list {
			list[i], _, _ = strings.Cut(text, ":")
		}
	}
	if h.History != nil {
		h.History.Trouble = ""
	}
	if h.Snapshot != nil {
		h.Snapshot.Trouble = ""
	}
}

// readyz is 200 only when the service has recovered and its writer answers: then it takes signals.
func (s *Server) readyz(c echo.Context) error {
	h := s.health()
	deps, status, _ := s.running()
	if deps == nil {
		if len(h.Reasons) == 0 {
			h.Reasons = append(h.Reasons, "the service is "+status)
		}
		s.shorten(c.Request(), &h)
		return answer(c, http.StatusServiceUnavailable, h)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), ReadyTimeout)
	defer cancel()
	err := s.look(ctx, func(st *domain.State, head projections.Head) {
		h.TradingState, h.Revision, h.Alarms = string(st.Trading.Mode), &head.Revision, projections.AlarmsOf(st)
	})
	if err != nil {
		h.Reasons = append(h.Reasons, "the writer does not answer: "+err.Error())
		return answer(c, http.StatusServiceUnavailable, h)
	}
	count := len(h.Alarms)
	h.Ready, h.AlarmCount = true, &count
	h.watchHistory(deps.History.Health())
	if deps.Snapshot != nil {
		h.watchSnapshot(deps.Snapshot())
	}
	s.shorten(c.Request(), &h)
	return answer(c, http.StatusOK, h)
}

// watchHistory holds the follower's progress against the head. It never makes the service unready: trading does not need it.
func (h *health) watchHistory(is projections.Health) {
	out := historyHealth{Healthy: true, Events: is.Events}
	if next := *h.Revision + 1; next > is.Events {
		out.Behind = next - is.Events
	}
	switch {
	case is.Trouble != nil:
		out.Healthy, out.Trouble = false, is.Trouble.Error()
	case out.Behind > MaxHistoryLag:
		out.Healthy, out.Trouble = false, "the lists of the past are behind the log"
	}
	if !out.Healthy {
		h.Degraded = append(h.Degraded, "history: "+out.Trouble)
	}
	h.History = &out
}

// snapshotHealth is how far the tables of the snapshot are behind the log, and what the last comparison gave.
type snapshotHealth struct {
	Healthy  bool       `json:"healthy"`
	Status   string     `json:"status"` // agreed, missing, outdated, newer, unavailable, differs
	Revision uint64     `json:"revision"`
	Behind   uint64     `json:"behind"`          // revisions that are not written yet
	Waiting  float64    `json:"waiting_seconds"` // how long the oldest of them has waited
	Compared *time.Time `json:"compared_at,omitempty"`
	Trouble  string     `json:"trouble,omitempty"`
}

// snapshotBehind is how many revisions lie between what was written and the head.
func snapshotBehind(is projections.FollowerHealth, head uint64) uint64 {
	if is.Written.Hash == "" {
		return head + 1
	}
	return head - min(head, is.Written.Revision)
}

// watchSnapshot shows a follower that stands, fails or differs. It never makes the service unready: trading does not need it.
func (h *health) watchSnapshot(is projections.FollowerHealth) {
	out := snapshotHealth{Healthy: is.Trouble == nil, Status: is.Status, Revision: is.Written.Revision, Behind: snapshotBehind(is, *h.Revision), Waiting: is.Waiting.Seconds()}
	if !is.Compared.IsZero() {
		at := is.Compared.UTC()
		out.Compared = &at
	}
	switch {
	case is.Trouble != nil:
		out.Trouble = is.Trouble.Error()
	case out.Behind > MaxHistoryLag:
		out.Healthy, out.Trouble = false, "the snapshot is behind the log"
	}
	if !out.Healthy {
		h.Degraded = append(h.Degraded, "snapshot: "+out.Trouble)
	}
	h.Snapshot = &out
}
