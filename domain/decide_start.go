package domain

import (
	"errors"
	"fmt"
	"maps"
)

// decideOpen makes the first two events of a log, one atomic append.
func decideOpen(s *State, c OpenPortfolio) (Decision, error) {
	var d Decision
	if s.Events > 0 {
		return d, fmt.Errorf("portfolio %s is open already", s.Portfolio)
	}
	if _, problems := ParseSettings(c.Portfolio.Settings); len(problems) > 0 {
		return d, errors.Join(problems...)
	}
	opened := c.Portfolio
	opened.Settings = maps.Clone(c.Portfolio.Settings)
	d.first(&opened)
	d.first(&LeaderEpochStarted{Epoch: 1, Instance: c.Instance})
	return d, nil
}

func decideEpoch(s *State, c StartEpoch) (Decision, error) {
	var d Decision
	d.first(&LeaderEpochStarted{Epoch: s.Epoch + 1, Instance: c.Instance})
	return d, nil
}

// decideConfigure records only what changed in the configuration since it was last configured: what a person changed meanwhile
// with RiskLimitsChanged stays, unless its key was configured anew.
func decideConfigure(s *State, c Configure) (Decision, error) {
	var d Decision
	if _, problems := ParseSettings(c.Settings); len(problems) > 0 {
		return d, errors.Join(problems...)
	}
	before, after := map[string]string{}, map[string]string{}
	for k, v := range s.Configured {
		if now, ok := c.Settings[k]; !ok || now != v {
			before[k] = v
		}
	}
	for k, v := range c.Settings {
		if was, ok := s.Configured[k]; !ok || was != v {
			after[k] = v
		}
	}
	if len(before)+len(after) > 0 {
		d.first(&SettingsChanged{Before: before, After: after, By: "configuration"})
	}
	return d, nil
}

// decideClock records a step back of the wall clock; entries stop until a person has looked at it.
func decideClock(s *State, c StepClock) (Decision, error) {
	var d Decision
	at := d.first(&ClockStepped{From: c.From, To: c.To})
	if s.Trading.Mode == Active {
		d.after(at, &TradingStateChanged{From: Active, To: Reducing, Reason: "clock_step", By: "service"})
	}
	return d, nil
}
