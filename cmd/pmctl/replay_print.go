package main

import (
	"bufio"
	"errors"
	"fmt"
	"slices"

	"pm/domain"
	"pm/domain/canon"
	"pm/eventstore"
	"pm/projections"
)

// replayedEvent is an event in the form that the API gives it, with what it changed in words.
type replayedEvent struct {
	projections.Event
	Changed string `json:"changed"`
}

// replayPrinter filters events and writes them one by one; json and yaml are one document at the end.
type replayPrinter struct {
	c        *cli
	f        *replayFlags
	buf      *bufio.Writer
	kept     []any
	chains   map[domain.EventID]bool // of the signal that was asked for
	orders   map[domain.OrderID]bool // of the order or position that was asked for
	intents  map[domain.IntentID]bool
	position domain.PositionID
	causes   map[domain.EventID]told // events of the latest chain that were not wanted by themselves
	belongs  *uint64                 // the last revision that was wanted, before --from or not
	shown    bool
}

// told is an event with its words, kept in case that something wanted follows from it.
type told struct {
	r    domain.Recorded
	h    eventstore.Hash
	text string
}

func (c *cli) newReplayPrinter(f *replayFlags) *replayPrinter {
	return &replayPrinter{
		c: c, f: f, buf: bufio.NewWriter(c.out), kept: []any{}, chains: map[domain.EventID]bool{}, orders: map[domain.OrderID]bool{},
		intents: map[domain.IntentID]bool{}, position: domain.PositionID(f.position), causes: map[domain.EventID]told{},
	}
}

// take applies an event and prints it, if it is wanted.
func (p *replayPrinter) take(tell *narrator, r *domain.Recorded, h eventstore.Hash) error {
	if p.f.state {
		return apply(tell.s, *r)
	}
	wanted := p.wants(tell.s, r)
	if wanted {
		p.belongs = &r.Rev
	}
	text, err := tell.apply(*r, r.Rev >= p.f.from && (wanted || p.filters()))
	switch {
	case err != nil || r.Rev < p.f.from:
		return err
	case wanted:
		p.shown = true
		return p.show(r, h, text)
	}
	p.keep(r, h, text)
	return nil
}

// nothing says why nothing was found between the bounds, nil where something was: an id that was mistyped must not look like one
// that nothing happened to. s is the state at the end.
func (p *replayPrinter) nothing(s *domain.State) error {
	where := "in the log"
	if p.f.until != "" {
		where = "until " + p.f.until
	}
	id := p.f.signal + p.f.order + p.f.position // at most one of them is given
	switch {
	case s.Events == 0 && p.f.until != "":
		return fmt.Errorf("--until %s: the first event of the log is later", p.f.until)
	case p.f.state || p.shown:
		return nil
	case p.belongs == nil && p.filters():
		return fmt.Errorf("nothing %s belongs to %s", where, id)
	case p.belongs != nil && p.filters():
		return fmt.Errorf("nothing from revision %d on belongs to %s: the last that does is revision %d", p.f.from, id, *p.belongs)
	case p.belongs != nil:
		return fmt.Errorf("--from %d is after --until %s: the last event by then is revision %d", p.f.from, p.f.until, *p.belongs)
	}
	return nil
}

// filters says whether only a part of the events is wanted.
func (p *replayPrinter) filters() bool {
	return p.f.signal != "" || p.f.order != "" || p.f.position != ""
}

// keep holds an event back that was not wanted by itself: it is shown if it turns out to be the cause of one that is.
func (p *replayPrinter) keep(r *domain.Recorded, h eventstore.Hash, text string) {
	if r.Cause == "" {
		clear(p.causes)
	}
	p.causes[r.ID] = told{*r, h, text}
}

// show prints an event behind the causes of it that were held back.
func (p *replayPrinter) show(r *domain.Recorded, h eventstore.Hash, text string) error {
	if cause, held := p.causes[r.Cause]; held {
		delete(p.causes, r.Cause)
		if err := p.show(&cause.r, cause.h, cause.text); err != nil {
			return err
		}
	}
	return p.print(r, h, text)
}

func (p *replayPrinter) print(r *domain.Recorded, h eventstore.Hash, changed string) error {
	if p.c.form == formTable {
		_, err := fmt.Fprintf(p.buf, "%8d  %s  %-20s  %s\n", r.Rev, clock(r.At), r.Type, changed)
		return p.flushed(err)
	}
	data, err := canon.Append(nil, r.Event)
	if err != nil {
		return fmt.Errorf("write revision %d: %w", r.Rev, err)
	}
	event := replayedEvent{projections.EventOf(eventstore.Record{Rev: r.Rev, Data: data, Hash: h}, r.Meta), changed}
	if p.c.form != formNDJSON {
		p.kept = append(p.kept, event)
		return nil
	}
	text, err := compact(event)
	if err == nil {
		_, err = p.buf.Write(text)
	}
	return p.flushed(err)
}

// flushed writes at once while a person follows.
func (p *replayPrinter) flushed(err error) error {
	if err == nil && p.f.follow {
		err = p.buf.Flush()
	}
	return err
}

func (p *replayPrinter) finish() error {
	if p.f.state || p.c.form == formTable || p.c.form == formNDJSON {
		return p.buf.Flush()
	}
	return errors.Join(p.buf.Flush(), p.c.show(map[string]any{"events": p.kept}, nil, nil))
}

// wants says whether an event belongs to what was asked for. It must see every event, since what belongs to a position is
// known from the events before. s is the state before the event.
func (p *replayPrinter) wants(s *domain.State, r *domain.Recorded) bool {
	switch {
	case p.f.signal != "":
		return p.ofSignal(r)
	case p.f.order != "":
		return p.ofOrder(r)
	case p.f.position != "":
		return p.ofPosition(s, r)
	}
	return true
}

// ofSignal takes the chains that the signal began, and refusals that name it.
func (p *replayPrinter) ofSignal(r *domain.Recorded) bool {
	if e, ok := r.Event.(*domain.SignalReceived); ok && string(e.SignalID) == p.f.signal {
		p.chains[r.Corr] = true
	}
	return p.chains[r.Corr]
}

func (p *replayPrinter) ofOrder(r *domain.Recorded) bool {
	if e, ok := r.Event.(*domain.OrderInitialized); ok && (string(e.OrderID) == p.f.order || e.Tag == p.f.order) {
		p.orders[e.OrderID] = true
	}
	id, ok := orderOf(r.Event)
	return ok && p.orders[id]
}

// ofPosition takes the entry order of a position, the moves of its stop, the exits that claim it and their orders.
func (p *replayPrinter) ofPosition(s *domain.State, r *domain.Recorded) bool {
	switch e := r.Event.(type) {
	case *domain.OrderInitialized:
		if e.Entry != nil && e.Entry.PositionID == p.position || p.intents[e.IntentID] {
			p.orders[e.OrderID] = true
		}
	case *domain.OrderFilled:
		return p.orders[e.OrderID] || e.PositionID == p.position
	case *domain.StopMoved:
		return e.PositionID == p.position
	case *domain.ExitRequested:
		claimed := slices.ContainsFunc(e.Claims, func(c domain.Claim) bool { return c.PositionID == p.position })
		bound := slices.ContainsFunc(e.Binds, func(id domain.OrderID) bool { return p.orders[id] })
		p.intents[e.IntentID] = claimed || bound
		return p.intents[e.IntentID]
	case *domain.ExitWithdrawn:
		return p.intents[e.IntentID]
	case *domain.BarClosed:
		l := s.Layer(p.position)
		return l != nil && l.Instrument == e.Instrument
	}
	id, ok := orderOf(r.Event)
	return ok && p.orders[id]
}

// orderOf is the order that an event is about.
func orderOf(e domain.Event) (domain.OrderID, bool) {
	switch e := e.(type) {
	case *domain.OrderInitialized:
		return e.OrderID, true
	case *domain.OrderSendStarted:
		return e.OrderID, true
	case *domain.OrderAccepted:
		return e.OrderID, true
	case *domain.OrderRejected:
		return e.OrderID, true
	case *domain.OrderUnknown:
		return e.OrderID, true
	case *domain.OrderNotAccepted:
		return e.OrderID, true
	case *domain.OrderFilled:
		return e.OrderID, true
	case *domain.OrderCancelRequested:
		return e.OrderID, true
	case *domain.OrderCanceled:
		return e.OrderID, true
	case *domain.OrderExpired:
		return e.OrderID, true
	}
	return "", false
}
