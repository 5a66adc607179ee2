// Package invariants holds what must be true of a portfolio at every moment, whatever happened before: the rules L1-L8 of the life of
// orders, layers and campaigns, and those of V1-V10 that a state, an event or a broker's book can show by itself.
//
//	Check(state)             the state alone, after any event: L1, L2 (by layer), L3, L4 (claims), L7
//	NewStream().Take(...)    event by event, beside the fold: L2 (by instrument), L4, L5, L6, L8, V4, V5, V6, V8
//	Once(orders)             the broker's whole book: V1
//	AtRest(state, orders)    the state against that book, once nothing is in flight: V10
//	Sends                    a broker's door that lets through only what V9 allows
//
// The checks share no code with Apply: the stream keeps its own small books of orders, stops and money, made from the events alone, so
// that a defect of the fold does not hide itself. Every violation is an error that begins with the rule's name. A test, a simulation and
// a bench can all call them; V2 and V3 (nothing acknowledged is lost, a replay is the live state) need the caller's own knowledge.
package invariants

import (
	"errors"
	"fmt"

	"pm/domain"
)

// Violation is a broken rule.
type Violation struct {
	Rule string // L1 to L8, V1 to V10
	Text string // what was found
}

func (v *Violation) Error() string { return v.Rule + " violated: " + v.Text }

func broken(rule, format string, args ...any) error {
	return &Violation{Rule: rule, Text: fmt.Sprintf(format, args...)}
}

// Check holds a state against the rules that it can show by itself. The error joins every violation.
func Check(s *domain.State) error {
	var found []error
	claimed := claims(s)
	for _, l := range s.Layers() {
		found = append(found, layer(s, l, claimed[l.PositionID]))
	}
	for name := range s.Markets {
		found = append(found, market(s, name))
	}
	for id, lots := range claimed {
		if lots != 0 && s.Layer(id) == nil {
			found = append(found, broken("L4", "%d lots of %s are claimed and nobody holds them", lots, id))
		}
	}
	found = append(found, reserved(s))
	return errors.Join(found...)
}

// claims adds up what the standing exit intents claim of each layer.
func claims(s *domain.State) map[domain.PositionID]int {
	out := map[domain.PositionID]int{}
	for _, i := range s.Intents {
		for _, c := range i.Claims {
			out[c.PositionID] += c.Lots
		}
	}
	return out
}

func layer(s *domain.State, l *domain.Layer, claimed int) error {
	var found []error
	if l.Leaving < 0 || l.Lots < l.Leaving {
		found = append(found, broken("L1", "%s holds %d lots and %d are leaving", l.PositionID, l.Lots, l.Leaving))
	}
	if l.Leaving != claimed {
		found = append(found, broken("L1", "%s has %d lots leaving and exits claim %d", l.PositionID, l.Leaving, claimed))
	}
	if l.Bought != l.Lots+l.Sold {
		found = append(found, broken("L2", "%s bought %d, sold %d and holds %d", l.PositionID, l.Bought, l.Sold, l.Lots))
	}
	if l.Lots == 0 && (l.LateFill || s.Orders[l.EntryOrder] == nil) {
		found = append(found, broken("L7", "%s holds nothing, waits for nothing and is still reserved", l.PositionID))
	}
	return errors.Join(found...)
}

func market(s *domain.State, name string) error {
	var found []error
	entries := 0
	for _, o := range s.Orders {
		if o.Instrument == name && o.Kind == domain.EntryOrder {
			entries++
		}
	}
	if entries > 1 {
		found = append(found, broken("L3", "%d entries of %s are in flight", entries, name))
	}
	c := s.Markets[name].Campaign
	if c == nil {
		return errors.Join(found...)
	}
	if len(c.Layers) == 0 {
		found = append(found, broken("L3", "campaign %d of %s is open without a layer", c.Number, name))
	}
	last := 0
	for _, l := range c.Layers {
		if l.Number <= last || l.Campaign != c.Number {
			found = append(found, broken("L8", "%s follows layer %d in campaign %d", l.PositionID, last, c.Number))
		}
		last = l.Number
	}
	return errors.Join(found...)
}

// reserved says whether the portfolio's figures are zero when nothing is held and nothing is in flight.
func reserved(s *domain.State) error {
	if len(s.Orders) > 0 || len(s.Layers()) > 0 {
		return nil
	}
	f := s.Figures()
	if !f.Risk.IsZero() || !f.Volatility.IsZero() || !f.Margin.IsZero() || f.Layers != 0 {
		return broken("L7", "nothing is held or in flight, and risk is %s, volatility %s, margin %s over %d layers", f.Risk, f.Volatility, f.Margin, f.Layers)
	}
	return nil
}
