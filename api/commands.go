package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// setTrading moves the trading state: halt, reduce, resume.
func (s *Server) setTrading(to domain.TradingMode) echo.HandlerFunc {
	return func(c echo.Context) error {
		f, err := readForm(c)
		if err != nil {
			return err
		}
		id, reason := f.commandID(false), f.text("reason", true, MaxReason)
		if err := f.finish(); err != nil {
			return err
		}
		by := actorOf(c).Name
		return s.run(c, order{id, by, domain.SetTrading{To: to, Reason: reason, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(e domain.Event) bool {
			changed, ok := e.(*domain.TradingStateChanged)
			return ok && changed.To == to
		})})
	}
}

// exitPosition sells one position.
func (s *Server) exitPosition(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, reason := f.commandID(false), f.text("reason", true, MaxReason)
	if err := f.finish(); err != nil {
		return err
	}
	by, position := actorOf(c).Name, domain.PositionID(pathID(c))
	return s.run(c, order{id, by, domain.ExitPosition{PositionID: position, Reason: reason, By: by, ID: id, Now: s.now().UTC()}, s.exitOf(position)})
}

// exitOf is the wish to sell one position. An exit that claimed no lots was asked for while the entry was in flight: its bound order says
// of which position.
func (s *Server) exitOf(position domain.PositionID) wish {
	return func(ctx context.Context, _ *Deps, first domain.Recorded) (same bool, err error) {
		exit, ok := first.Event.(*domain.ExitRequested)
		if !ok || exit.Cause != domain.CauseOperator {
			return false, nil
		}
		if len(exit.Claims) > 0 {
			return exit.Claims[0].PositionID == position, nil
		}
		err = s.look(ctx, func(st *domain.State, _ projections.Head) {
			for _, id := range exit.Binds { // an order is remembered from its end on, and so longer than a command from its beginning on
				o := st.Known(id)
				same = o != nil && o.Entry != nil && o.Entry.PositionID == position
			}
		})
		return same, err
	}
}

// closeAll sells everything, or says what it would sell.
func (s *Server) closeAll(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, reason, dry := f.commandID(false), f.text("reason", true, MaxReason), f.flag("dry_run")
	if err := f.finish(); err != nil {
		return err
	}
	by := actorOf(c).Name
	o := order{id, by, domain.CloseAll{Reason: reason, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(e domain.Event) bool {
		exit, ok := e.(*domain.ExitRequested)
		return ok && exit.Cause == domain.CauseCloseAll
	})}
	if dry {
		return s.plan(c, o)
	}
	return s.run(c, o)
}

// plan shows what a command would lead to, by the same decision, and records nothing.
func (s *Server) plan(c echo.Context, o order) error {
	out := commandAnswer{Status: statusPlanned, DryRun: true, ID: o.id, By: o.by, RequestID: requestID(c)}
	var refused error
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		var d domain.Decision
		out.Revision = h.Revision
		d, refused = domain.Decide(st, o.command)
		for _, draft := range d.Drafts {
			out.show(draft.Event)
		}
	})
	if err != nil {
		return err
	}
	var refusal *domain.Refusal
	if errors.As(refused, &refusal) {
		return &failure{status: http.StatusConflict, code: refusal.Code, message: refusal.Message}
	}
	if refused != nil {
		return refused
	}
	return answer(c, http.StatusOK, out)
}

// withdrawExit ends an exit that stands.
func (s *Server) withdrawExit(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, reason := f.commandID(false), f.text("reason", true, MaxReason)
	if err := f.finish(); err != nil {
		return err
	}
	by, intent := actorOf(c).Name, domain.IntentID(pathID(c))
	return s.run(c, order{id, by, domain.WithdrawExit{IntentID: intent, Reason: reason, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(e domain.Event) bool {
		withdrawn, ok := e.(*domain.ExitWithdrawn)
		return ok && withdrawn.IntentID == intent
	})})
}

// acceptDifference takes a person's word for a difference from the broker's book.
func (s *Server) acceptDifference(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, reason := f.commandID(false), f.text("reason", true, MaxReason)
	if err := f.finish(); err != nil {
		return err
	}
	by, difference := actorOf(c).Name, pathID(c)
	return s.run(c, order{id, by, domain.AcceptDifference{DifferenceID: difference, Reason: reason, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(domain.Event) bool {
		return false // BrokerDifferenceAccepted carries no id: whatever has this one was another command's
	})})
}

// moveCapital deposits or withdraws. Its id must be sent.
func (s *Server) moveCapital(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, kind, amount, note := f.commandID(true), f.text("type", true, MaxReason), f.decimal("amount"), f.text("note", false, MaxReason)
	out := kind == "withdraw"
	if !out && kind != "deposit" {
		f.fail(domain.InvalidField, "type", "send deposit or withdraw")
	}
	if err := f.finish(); err != nil {
		return err
	}
	by := actorOf(c).Name
	return s.run(c, order{id, by, domain.MoveCapital{Withdraw: out, Amount: amount, Note: note, By: by, ID: id, Now: s.now().UTC()}, byEvent(func(e domain.Event) bool {
		switch e := e.(type) {
		case *domain.CapitalDeposited:
			return !out && e.Amount.Equal(amount)
		case *domain.CapitalWithdrawn:
			return out && e.Amount.Equal(amount)
		}
		return false
	})})
}

const limitsPrefix = "risk."

// changeLimits changes some of the limits: every member but id is one, with or without "risk." before its name.
func (s *Server) changeLimits(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id := f.commandID(false)
	limits := f.limits()
	if err := f.finish(); err != nil {
		return err
	}
	by := actorOf(c).Name
	return s.run(c, order{id, by, domain.ChangeLimits{Limits: limits, By: by, ID: id, Now: s.now().UTC()}, s.limitsOf(limits)})
}

// limitsOf is the wish to have these limits. The event names those that it changed; the others that were asked for were so already, which
// only the state of then can say.
func (s *Server) limitsOf(limits map[string]string) wish {
	return func(ctx context.Context, deps *Deps, first domain.Recorded) (bool, error) {
		changed, ok := first.Event.(*domain.RiskLimitsChanged)
		if !ok {
			return false, nil
		}
		for key, value := range changed.After {
			if limits[key] != value {
				return false, nil
			}
		}
		if len(limits) == len(changed.After) {
			return true, nil
		}
		then, err := s.foldTo(ctx, deps, projections.Until{Revision: &first.Rev})
		if err != nil {
			return false, err
		}
		for key, value := range limits {
			if was, ok := then.Effective[key]; !ok || was != value {
				return false, nil
			}
		}
		return true, nil
	}
}

// limits reads what is left of a body: names and values as the settings have them.
func (f *form) limits() map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		raw := f.take(name)
		key := limitsPrefix + strings.TrimPrefix(name, limitsPrefix)
		if _, twice := out[key]; twice {
			f.fail(domain.InvalidField, name, "it is given twice")
		}
		if raw[0] == '{' || raw[0] == '[' || raw[0] == 'n' {
			f.fail(domain.InvalidField, name, "send a number, a text or a flag")
			continue
		}
		out[key] = scalar(raw)
		if d, err := domain.ParseDecimal(out[key]); err == nil {
			out[key] = d.String() // as the settings write it: 14 for 14.0
		}
	}
	if len(out) == 0 && len(f.problems) == 0 {
		f.fail(domain.MissingField, "limits", `send at least one, like {"base_risk_percent":14}`)
	}
	return out
}

// limits shows the limits in force, and those of the configuration where a person has changed them.
func (s *Server) limits(c echo.Context) error {
	out := struct {
		Limits     map[string]string `json:"limits"`
		Configured map[string]string `json:"configured"`
		Revision   uint64            `json:"revision"`
	}{}
	outside := func(key, _ string) bool { return !strings.HasPrefix(key, limitsPrefix) }
	err := s.look(c.Request().Context(), func(st *domain.State, h projections.Head) {
		out.Limits, out.Configured, out.Revision = maps.Clone(st.Effective), maps.Clone(st.Configured), h.Revision
	})
	maps.DeleteFunc(out.Limits, outside)
	maps.DeleteFunc(out.Configured, outside)
	return answerOr(c, err, out)
}
