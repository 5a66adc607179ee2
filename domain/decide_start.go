package domain

import (
	"errors"
	"fmt"
	"maps"
	"strings"
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

// ByService is the actor of what the service does of its own accord; no person can have this name.
const ByService = "service"

// ReasonLateDivergence is why the service reduces when a comparison after the start finds that the snapshot is not what the log says.
const ReasonLateDivergence = "late_divergence"

// SubjectSnapshot is what the alarm of a late divergence is about.
const SubjectSnapshot = "snapshot"

// decideStopEntries reduces from ACTIVE and from nothing else: out of HALTED it would send every exit that the halt holds back. The mode is
// looked at here and not by whoever asks, since a person may halt between a look and the command. A disk is looked at again as long as it
// is full; a divergence is found once, so that it stands as an alarm until a person resumes, and entries stop for it then.
func decideStopEntries(s *State, c StopEntries) (Decision, error) {
	var d Decision
	switch {
	case s.Trading.Mode == Active:
		d.first(&TradingStateChanged{From: Active, To: Reducing, Reason: c.Cause + ": " + c.Text, By: ByService})
	case c.Cause == ReasonLateDivergence && !s.stoppedFor(c.Cause):
		d.alarm(s, -1, "", "", &AlarmRaised{Code: AlarmDivergence, Subject: SubjectSnapshot, Details: map[string]string{"found": bounded(c.Text)}})
	}
	return d, nil
}

// stoppedFor says whether the service has stopped entries for this cause, so that whoever resumes has read it.
func (s *State) stoppedFor(cause string) bool {
	return s.Trading.Mode == Reducing && s.Trading.By == ByService && strings.HasPrefix(s.Trading.Reason, cause)
}

// decideClock records a step back of the wall clock; entries stop until a person has looked at it.
func decideClock(s *State, c StepClock) (Decision, error) {
	var d Decision
	at := d.first(&ClockStepped{From: c.From, To: c.To})
	if s.Trading.Mode == Active {
		d.after(at, &TradingStateChanged{From: Active, To: Reducing, Reason: "clock_step", By: ByService})
	}
	return d, nil
}
