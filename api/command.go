package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// commandAnswer is what a person reads about a command.
type commandAnswer struct {
	Status    string        `json:"status"`   // done; unchanged: it is so already and nothing was recorded; planned: a dry run
	Revision  uint64        `json:"revision"` // at which the command is durable; of unchanged and planned: what it was judged at
	ID        string        `json:"id"`
	By        string        `json:"by"`
	Repeated  bool          `json:"repeated"` // this id was taken before: the first one's revision
	RequestID string        `json:"request_id"`
	DryRun    bool          `json:"dry_run,omitempty"`
	State     string        `json:"trading_state,omitempty"`
	Format    int           `json:"format,omitempty"` // that the log has now
	Exits     []commandExit `json:"exits,omitempty"`
	Withdrawn []string      `json:"withdrawn,omitempty"` // exits that it took over
}

// commandExit is an exit that a command asks for.
type commandExit struct {
	IntentID   string         `json:"intent_id"`
	Instrument string         `json:"instrument"`
	Contract   string         `json:"contract"`
	Lots       int            `json:"lots"`
	Claims     []domain.Claim `json:"claims"`
}

const (
	statusDone      = "done"
	statusUnchanged = "unchanged"
	statusPlanned   = "planned"
)

// order is a command on its way.
type order struct {
	id      string
	by      string
	command domain.Command
	same    wish
}

// wish says whether an event that carries a command's id was recorded for the same wish.
type wish func(context.Context, *Deps, domain.Recorded) (bool, error)

// byEvent is a wish of which the event says everything.
func byEvent(same func(domain.Event) bool) wish {
	return func(_ context.Context, _ *Deps, first domain.Recorded) (bool, error) { return same(first.Event), nil }
}

// run hands a command to the writer and answers when it is durable.
func (s *Server) run(c echo.Context, o order) error {
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	reply, err := inTime(c.Request().Context(), deps, o.command)
	if err != nil {
		return s.uncommanded(c, o, err)
	}
	log := s.log.With("request_id", requestID(c), "actor", o.by, "command_id", o.id, "path", c.Request().URL.Path)
	var refusal *domain.Refusal
	switch {
	case errors.As(reply.Refusal, &refusal):
		log.Info("a command was refused", "code", refusal.Code)
		return &failure{status: http.StatusConflict, code: refusal.Code, message: refusal.Message}
	case reply.Refusal != nil:
		return reply.Refusal
	case len(reply.Events) == 0:
		return s.unmoved(c.Request().Context(), c, deps, o)
	}
	out := commandAnswer{Status: statusDone, Revision: reply.Revision, ID: o.id, By: o.by, RequestID: requestID(c)}
	out.take(o.id, reply.Events)
	log.Info("command", "revision", out.Revision)
	return answer(c, http.StatusOK, out)
}

// inTime submits a command for as long as its sender waits for an append.
func inTime(ctx context.Context, deps *Deps, command domain.Command) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, SubmitTimeout)
	defer cancel()
	return deps.Submit(ctx, command)
}

// uncommanded answers a command that was not recorded, or of which nobody knows.
func (s *Server) uncommanded(c echo.Context, o order, err error) error {
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrStopped) {
		return turnedAway(err)
	}
	s.log.Error("the outcome of a command is unknown", "request_id", requestID(c), "command_id", o.id, "error", err)
	return &failure{
		status: http.StatusGatewayTimeout, code: codeUnknown, retryAfter: time.Second,
		message: "whether the command was recorded is not known: send the same again with id " + o.id + ", a repeat is recognized",
	}
}

// unmoved answers a command that recorded nothing: its id was taken before, or what it asks for is so already. That may take longer than an
// append: to know what was asked for first, the past may have to be folded.
func (s *Server) unmoved(ctx context.Context, c echo.Context, deps *Deps, o order) error {
	ctx, cancel := context.WithTimeout(ctx, StateAtTimeout)
	defer cancel()
	out := commandAnswer{Status: statusUnchanged, ID: o.id, By: o.by, RequestID: requestID(c)}
	taken := false
	err := s.look(ctx, func(st *domain.State, h projections.Head) {
		out.Revision = h.Revision
		if _, raising := o.command.(domain.RaiseFormat); raising {
			out.Format = st.Format
		} else {
			out.State = string(st.Trading.Mode)
		}
		if rev, ok := st.Recent.Command(o.id); ok {
			out.Revision, taken = rev, true
		}
	})
	if err != nil || !taken {
		return answerOr(c, err, out)
	}
	first, err := deps.Journal.Recorded(ctx, out.Revision)
	if err != nil {
		return err
	}
	same, err := o.same(ctx, deps, first)
	if err != nil {
		return err
	}
	if !same {
		return &failure{status: http.StatusConflict, code: codeIDConflict, field: "id", message: "this id was used before for another command: give every command an id of its own"}
	}
	out.Status, out.Repeated, out.State, out.Format = statusDone, true, "", 0
	return answer(c, http.StatusOK, out)
}

// take shows what was recorded. The revision is that of the last event with the command's id: the same that a repeat is told.
func (a *commandAnswer) take(id string, events []domain.Recorded) {
	for _, r := range events {
		if commandID(r.Event) == id || !identified(r.Event) {
			a.Revision = r.Rev
		}
		a.show(r.Event)
	}
}

func (a *commandAnswer) show(e domain.Event) {
	switch e := e.(type) {
	case *domain.TradingStateChanged:
		a.State = string(e.To)
	case *domain.FormatRaised:
		a.Format = e.To
	case *domain.ExitWithdrawn:
		a.Withdrawn = append(a.Withdrawn, string(e.IntentID))
	case *domain.ExitRequested:
		exit := commandExit{IntentID: string(e.IntentID), Instrument: e.Instrument, Contract: e.Contract, Claims: e.Claims}
		for _, claim := range e.Claims {
			exit.Lots += claim.Lots
		}
		a.Exits = append(a.Exits, exit)
	}
}

// identified says whether a command's event carries its id. Those of the others are the only event of their command.
func identified(e domain.Event) bool {
	switch e.(type) {
	case *domain.FormatRaised, *domain.BrokerDifferenceAccepted:
		return false
	}
	return true
}

// commandID is the id of the command that an event was recorded for, "" if there was none.
func commandID(e domain.Event) string {
	switch e := e.(type) {
	case *domain.TradingStateChanged:
		return e.ID
	case *domain.RiskLimitsChanged:
		return e.ID
	case *domain.CapitalDeposited:
		return e.ID
	case *domain.CapitalWithdrawn:
		return e.ID
	case *domain.ExitRequested:
		return e.CommandID
	case *domain.ExitWithdrawn:
		return e.CommandID
	}
	return ""
}

// commandID reads the sender's id; one is made up where there is none. Where money moves it must be sent: a repeat that is not
// recognized would move it twice.
func (f *form) commandID(required bool) string {
	id := f.text("id", required, MaxCommandID)
	if id == "" {
		id = uuid.NewString()
	}
	return id
}
