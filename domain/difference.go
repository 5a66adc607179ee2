package domain

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// DifferencePosition is the kind of a difference in the units held of a contract.
const DifferencePosition = "position"

// ReasonDifference is why the service reduces when the broker's book differs.
const ReasonDifference = "broker_difference"

// MaxDifferences bounds the differences that one book can lead to: more say nothing more to a person.
const MaxDifferences = 100

// unitsHeld adds up what the log says is held, by contract.
func (s *State) unitsHeld() map[string]int {
	out := map[string]int{}
	for _, l := range s.Layers() {
		if l.Lots > 0 {
			out[l.Contract] += l.Lots * l.LotSize
		}
	}
	return out
}

// decidePositions holds the broker's net positions against the log's. What is found is shown to a person and booked by nobody; entries stop
// until the person resumes. A contract that was on the move, before the book was read or now, is judged by a later book.
func decidePositions(s *State, c ReportPositions) (Decision, error) {
	var d Decision
	if c.Orders != s.OrderCount {
		return d, nil
	}
	moving := map[string]bool{}
	for _, o := range s.Orders {
		moving[o.Contract] = true
	}
	held := s.unitsHeld()
	contracts := maps.Clone(held)
	maps.Copy(contracts, c.Net)
	found := 0
	for _, contract := range slices.Sorted(maps.Keys(contracts)) {
		off := c.Net[contract] - held[contract]
		if off == 0 || c.Busy[contract] || moving[contract] || s.explained(contract, off) || found == MaxDifferences {
			continue
		}
		at := d.first(&BrokerDifferenceFound{
			ID: fmt.Sprintf("%s-diff-%d", contract, s.Events), Contract: contract, Kind: DifferencePosition,
			Details: map[string]string{"book": strconv.Itoa(c.Net[contract]), "ours": strconv.Itoa(held[contract])},
		})
		d.alarm(s, at, "", "", &AlarmRaised{Code: AlarmDifference, Subject: contract})
		if found == 0 && s.Trading.Mode == Active {
			d.after(at, &TradingStateChanged{From: Active, To: Reducing, Reason: ReasonDifference, By: ByService})
		}
		found++
	}
	return d, nil
}

// explained says whether a difference of a contract stands already, or was accepted by a person.
func (s *State) explained(contract string, units int) bool {
	if a := s.Accepted[contract]; a != nil && a.Units == units {
		return true
	}
	for _, d := range s.Differences {
		if d.Contract == contract && d.Units == units {
			return true
		}
	}
	return false
}

// decideAccept takes a person's word for a difference. BrokerDifferenceAccepted carries no command's id: a repeat is recognized by the
// difference that was accepted.
func decideAccept(s *State, c AcceptDifference) (Decision, error) {
	var d Decision
	for _, a := range s.Accepted {
		if a.ID == c.DifferenceID {
			return d, nil
		}
	}
	switch {
	case s.taken(c.ID):
		return d, nil
	case s.Differences[c.DifferenceID] == nil:
		return d, refuse("not_standing", "no difference %s stands", c.DifferenceID)
	case strings.TrimSpace(c.Reason) == "":
		return d, refuse("missing_reason", "say why: the reason is kept in the log")
	}
	d.first(&BrokerDifferenceAccepted{ID: c.DifferenceID, By: c.By, Reason: c.Reason})
	return d, nil
}

// applyDifference puts a newer difference of a contract in the place of the older one.
func (s *State) applyDifference(r Recorded, e *BrokerDifferenceFound) error {
	found := &Difference{Contract: e.Contract, Kind: e.Kind, Revision: r.Rev}
	if e.Kind == DifferencePosition {
		book, err := strconv.Atoi(e.Details["book"])
		if err != nil {
			return impossible("the book's units of difference %s: %w", e.ID, err)
		}
		ours, err := strconv.Atoi(e.Details["ours"])
		if err != nil {
			return impossible("our units of difference %s: %w", e.ID, err)
		}
		found.Units = book - ours
	}
	maps.DeleteFunc(s.Differences, func(_ string, d *Difference) bool { return d.Contract == e.Contract })
	s.Differences[e.ID] = found
	return nil
}

func (s *State) applyAccepted(e *BrokerDifferenceAccepted) error {
	d := s.Differences[e.ID]
	if d == nil {
		return impossible("difference %s is accepted and does not stand", e.ID)
	}
	delete(s.Differences, e.ID)
	delete(s.Alarms, alarmKey(AlarmDifference, d.Contract))
	s.Accepted[d.Contract] = &Accepted{ID: e.ID, Units: d.Units}
	return nil
}
