package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// signalAnswer is what a sender reads about its signal, and, in First, what an earlier sender read.
type signalAnswer struct {
	Status        string                `json:"status"` // accepted, rejected, duplicate
	SignalID      string                `json:"signal_id"`
	Revision      *uint64               `json:"revision,omitempty"` // of the SignalReceived
	FirstRevision *uint64               `json:"first_revision,omitempty"`
	RequestID     string                `json:"request_id,omitempty"`
	Decision      *projections.Decision `json:"decision,omitempty"`
	Reasons       []projections.Reason  `json:"reasons,omitempty"`
	Layer         string                `json:"layer,omitempty"`  // of a refused pyramid: what it would have been
	Sizing        *domain.Sizing        `json:"sizing,omitempty"` // of a refused entry that got as far
	Flags         []string              `json:"flags,omitempty"`  // faults of an exit that were let pass
	First         *signalAnswer         `json:"first,omitempty"`
}

// webhook takes one signal.
func (s *Server) webhook(c echo.Context) error {
	began := s.now()
	sub, err := s.admit(c)
	if err != nil {
		return err
	}
	deps, status, _ := s.running()
	if deps == nil {
		return away(status)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), SubmitTimeout)
	defer cancel()
	reply, err := deps.Submit(ctx, domain.SubmitSignal{Submission: sub, Now: began.UTC()})
	if err != nil {
		return s.unsubmitted(c, sub, err)
	}
	return s.answerSignal(ctx, c, deps, sub, reply)
}

// admit reads the body, asks who sends, and parses: in that order nothing is parsed for a peer that has failed too often.
func (s *Server) admit(c echo.Context) (domain.Submission, error) {
	r := c.Request()
	peer := s.peer(r)
	authenticated := len(s.digests) == 0 || s.known(bearer(r))
	if !authenticated && s.peers.wait(peer) > 0 {
		return domain.Submission{}, s.tooMany(peer)
	}
	body, err := readBody(c)
	if err != nil {
		return domain.Submission{}, err
	}
	if !s.local(r) || (len(s.o.AllowCIDRs) > 0 && !within(s.o.AllowCIDRs, peer)) {
		return domain.Submission{}, s.refuse(c, peer, "Bearer")
	}
	sub, secret, problems := domain.ParseSignal(body, s.now())
	if !authenticated && !s.known(secret) && !s.signed(r, body) {
		return domain.Submission{}, s.refuse(c, peer, "Bearer")
	}
	if len(problems) > 0 {
		first := problems[0]
		s.log.Warn("a signal has faults of form", "request_id", requestID(c), "peer", peer.String(), "problems", problems)
		return sub, &failure{status: http.StatusBadRequest, code: first.Code, message: first.Message, field: first.Field, details: problems}
	}
	if !s.entries.take(sub.Signal.Type) {
		return sub, later(codeRateLimited, "too many entries at once: nothing was recorded, send again in a moment; exits and bars are taken", time.Second)
	}
	return sub, nil
}

// readBody reads at most MaxBody bytes, whatever the request says about their type or number. A body that does not arrive whole is a
// fault of the line and not of the sender: a 4xx would tell the sender never to repeat it, and an exit on a bad line would be lost.
func readBody(c echo.Context) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, c.Request().Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: codeTooLarge, message: "the body has more than 16 KiB: send one signal"}
	case err != nil:
		return nil, later(codeBusy, "the body did not arrive whole: nothing was recorded, send it again", time.Second)
	}
	return body, nil
}

// unsubmitted answers a signal that was not recorded, or of which nobody knows whether it was.
func (s *Server) unsubmitted(c echo.Context, sub domain.Submission, err error) error {
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrStopped) {
		s.log.Warn("a signal was turned away", "request_id", requestID(c), "signal_id", sub.ID(), "error", err)
		return turnedAway(err)
	}
	s.log.Error("the outcome of a signal is unknown", "request_id", requestID(c), "signal_id", sub.ID(), "error", err)
	return &failure{
		status: http.StatusGatewayTimeout, code: codeUnknown,
		message: "whether the signal was recorded is not known: send the same again, a duplicate is recognized", retryAfter: time.Second,
	}
}

// answerSignal turns the verdict into the answer of the table.
func (s *Server) answerSignal(ctx context.Context, c echo.Context, deps *Deps, sub domain.Submission, reply Reply) error {
	id := requestID(c)
	log := s.log.With("request_id", id, "signal_id", sub.ID(), "verdict", reply.Verdict)
	var out signalAnswer
	switch reply.Verdict {
	case domain.VerdictAccepted, domain.VerdictRejected:
		out = outcomeAnswer(domain.OutcomeOf(reply.Events))
	case domain.VerdictDuplicate:
		first := reply.FirstRevision
		out = signalAnswer{Status: "duplicate", SignalID: string(sub.ID()), FirstRevision: &first, First: s.first(ctx, deps, sub, first)}
	case domain.VerdictConflict:
		log.Warn("an id was used again")
		return &failure{status: http.StatusConflict, code: codeIDConflict, field: "id", message: "this id was accepted before with other content: give every signal an id of its own"}
	case domain.VerdictNone:
		log.Error("a signal was not judged", "refusal", reply.Refusal)
		return errors.Join(errors.New("a signal was not judged"), reply.Refusal)
	default:
		return errors.New("a verdict that the webhook does not know: " + string(reply.Verdict))
	}
	log.Info("signal", "type", sub.Signal.Type, "instrument", sub.Signal.Instrument, "revision", reply.Revision)
	out.RequestID = id
	return answer(c, http.StatusOK, out)
}

// outcomeAnswer shows an outcome. The revision is that of the SignalReceived.
func outcomeAnswer(o domain.Outcome) signalAnswer {
	revision := o.Revision
	out := signalAnswer{Status: o.Status, SignalID: string(o.SignalID), Revision: &revision, Flags: o.Flags}
	if o.Status == domain.OutcomeRejected {
		out.Reasons, out.Layer, out.Sizing = projections.ReasonsOf(o.Reasons), o.Layer, o.Sizing
		return out
	}
	decision := projections.DecisionOf(o)
	out.Decision = &decision
	return out
}

// first reads the first outcome from the log. That the signal is a duplicate is certain even if the log cannot be read now: the
// answer then says what is known, because any other one would make the sender repeat what was taken.
func (s *Server) first(ctx context.Context, deps *Deps, sub domain.Submission, revision uint64) *signalAnswer {
	o, err := deps.Journal.Outcome(ctx, revision)
	if err != nil {
		s.log.Error("the first outcome of a duplicate could not be read", "signal_id", sub.ID(), "revision", revision, "error", err)
		return &signalAnswer{Status: domain.OutcomeAccepted, SignalID: string(sub.ID()), Revision: &revision}
	}
	out := outcomeAnswer(o)
	return &out
}
