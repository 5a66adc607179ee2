package domain

import (
	"errors"
	"fmt"
	"maps"
)

// ErrImpossible is wrapped by every error of Apply: the log says something that cannot have happened, so either the log or this
// build is wrong and nothing may go on.
var ErrImpossible = errors.New("the log holds an impossible event")

func impossible(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrImpossible}, args...)...)
}

// Apply folds one recorded event into the state. It is the only code that changes a State, and serves live trading, recovery,
// audit, rebuild and simulation alike. After an error the state must not be used.
func (s *State) Apply(r Recorded) error {
	if r.Rev != s.Events {
		return impossible("revision %d where %d comes next", r.Rev, s.Events)
	}
	s.closed = s.closed[:0]
	if err := s.apply(r); err != nil {
		return fmt.Errorf("revision %d, %s: %w", r.Rev, r.Type, err)
	}
	s.Events, s.At = r.Rev+1, r.At
	return nil
}

func (s *State) apply(r Recorded) error {
	if _, first := r.Event.(*PortfolioOpened); first != (r.Rev == 0) {
		return impossible("PortfolioOpened is revision 0 and nothing else")
	}
	if err := s.writtenBy(r); err != nil {
		return err
	}
	switch e := r.Event.(type) {
	case *PortfolioOpened:
		return s.applyOpened(r, e)
	case *LeaderEpochStarted:
		return s.applyEpoch(r, e)
	case *RecoveryCompleted:
		return nil
	case *SettingsChanged:
		return s.applySettings(e)
	case *RiskLimitsChanged:
		s.Recent.takeCommand(r.At, r.Rev, e.ID)
		return s.applyLimits(e)
	case *FormatRaised:
		return s.applyFormat(e)
	case *TradingStateChanged:
		return s.applyTrading(r, e)
	case *CapitalDeposited:
		s.Recent.takeCommand(r.At, r.Rev, e.ID)
		s.flow(e.Amount)
	case *CapitalWithdrawn:
		s.Recent.takeCommand(r.At, r.Rev, e.ID)
		s.flow(e.Amount.Neg())
	case *SignalReceived:
		s.applySignal(r, e)
	case *SignalRejected:
		return nil
	case *BarClosed:
		s.applyBar(r, e)
	case *StopMoved:
		return s.applyStop(e)
	case *ClockStepped:
		return nil
	case *AlarmRaised:
		s.applyAlarm(r, e)
	case *BrokerDifferenceFound:
		return s.applyDifference(r, e)
	case *BrokerDifferenceAccepted:
		return s.applyAccepted(e)
	default:
		return s.applyOrder(r)
	}
	return nil
}

// writtenBy holds that an epoch begins with LeaderEpochStarted, and with nothing else: every event is of the epoch and of the instance that
// lead. Else somebody who never took the lead could write, and the true leader's next epoch would be refused for ever. Revision 0 comes
// before the first epoch and belongs to it.
func (s *State) writtenBy(r Recorded) error {
	_, begins := r.Event.(*LeaderEpochStarted)
	switch {
	case begins: // applyEpoch looks
	case r.Rev == 0 && r.Epoch != 1:
		return impossible("the log begins with epoch %d", r.Epoch)
	case r.Rev > 0 && (r.Epoch != s.Epoch || r.Inst != s.Instance):
		return impossible("epoch %d of %q writes, while epoch %d of %q leads", r.Epoch, r.Inst, s.Epoch, s.Instance)
	}
	return nil
}

func (s *State) applyOpened(r Recorded, e *PortfolioOpened) error {
	s.Portfolio, s.Currency, s.Demo, s.Format = e.ID, e.Currency, e.Demo, FirstFormat
	s.Capital.Flows, s.Capital.HighWater = e.InitialCapital, e.InitialCapital
	s.Trading = Trading{Mode: Active, By: "start", Since: r.At}
	s.Configured = maps.Clone(e.Settings)
	return s.effect(e.Settings)
}

func (s *State) applyEpoch(r Recorded, e *LeaderEpochStarted) error {
	if e.Epoch != s.Epoch+1 || e.Epoch != r.Epoch || e.Instance != r.Inst {
		return impossible("epoch %d of %q after epoch %d", e.Epoch, e.Instance, s.Epoch)
	}
	s.Epoch, s.Instance = e.Epoch, e.Instance
	return nil
}

func (s *State) applyFormat(e *FormatRaised) error {
	if e.To <= s.Format {
		return impossible("the format is raised to %d, it is %d", e.To, s.Format)
	}
	s.Format = e.To
	return nil
}

func (s *State) applySettings(e *SettingsChanged) error {
	configured := overlay(s.Configured, e.Before, e.After)
	effective := overlay(s.Effective, e.Before, e.After)
	s.Configured = configured
	return s.effect(effective)
}

func (s *State) applyLimits(e *RiskLimitsChanged) error {
	return s.effect(overlay(s.Effective, e.Before, e.After))
}

// overlay takes the keys of before away and puts those of after in.
func overlay(base, before, after map[string]string) map[string]string {
	out := maps.Clone(base)
	for k := range before {
		delete(out, k)
	}
	maps.Copy(out, after)
	return out
}

func (s *State) effect(flat map[string]string) error {
	settings, problems := ParseSettings(flat)
	if len(problems) > 0 {
		return impossible("settings that no build could have written: %w", errors.Join(problems...))
	}
	s.Effective, s.settings = maps.Clone(flat), settings
	return nil
}

func (s *State) applyTrading(r Recorded, e *TradingStateChanged) error {
	if e.From != s.Trading.Mode {
		return impossible("trading state %s left, it is %s", e.From, s.Trading.Mode)
	}
	s.Recent.takeCommand(r.At, r.Rev, e.ID)
	s.Trading = Trading{Mode: e.To, Reason: e.Reason, By: e.By, Since: r.At}
	if e.To == Active { // what was found meanwhile stops entries in the same append
		delete(s.Alarms, alarmKey(AlarmDivergence, SubjectSnapshot))
	}
	if e.To != Halted { // those still valid follow at once as ordinary intents
		maps.DeleteFunc(s.Intents, func(_ IntentID, i *Intent) bool { return i.HeldBack })
		maps.DeleteFunc(s.Alarms, func(_ string, a *Alarm) bool { return a.Code == AlarmHeldBack })
	}
	return nil
}

// flow moves money in or out: the high-water mark moves with it, so that sizes measure trading and not transfers.
func (s *State) flow(amount Decimal) {
	s.Capital.Flows = s.Capital.Flows.Add(amount)
	s.Capital.HighWater = s.Capital.HighWater.Add(amount)
}

func (s *State) mark() {
	s.Capital.HighWater = maxOf(s.Capital.HighWater, s.Capital.Closed())
}

func (s *State) applySignal(r Recorded, e *SignalReceived) {
	for _, o := range s.Recent.forget(r.At, s.settings.Signals.Memory) {
		delete(s.brokers, o.BrokerID)
	}
	for key, a := range s.Alarms {
		if passing[a.Code] && a.At.Before(r.At.Add(-s.settings.Signals.Memory)) {
			delete(s.Alarms, key)
		}
	}
	if e.Outcome == OutcomeAccepted {
		s.Recent.acceptSignal(r.At, r.Rev, e)
	}
}

func (s *State) applyBar(r Recorded, e *BarClosed) {
	m := s.market(e.Instrument)
	bar := &Bar{Time: e.Timestamp, Price: e.Price, ATR: e.ATR, At: r.At}
	bar.follows(m.Bar)
	m.Bar = bar
	delete(s.Alarms, alarmKey(AlarmBarsMissing, e.Instrument))
	for _, l := range m.layers() {
		if e.Timestamp.Before(l.SignalTime) {
			continue
		}
		l.Mark = ptr(e.Price)
		if e.ATR.IsPos() {
			l.ATR = e.ATR
		}
		if l.Lots > 0 {
			l.Highest = maxOf(l.Highest, e.Price)
		}
	}
}

func (s *State) applyStop(e *StopMoved) error {
	l := s.byID[e.PositionID]
	if l == nil {
		return impossible("no open layer %s", e.PositionID)
	}
	if e.To.Cmp(l.Stop) <= 0 || !e.From.Equal(l.Stop) {
		return impossible("the stop of %s moves from %s to %s, it is %s", e.PositionID, e.From, e.To, l.Stop)
	}
	l.Stop = e.To
	return nil
}

// MaxAlarms bounds the standing alarms: the oldest makes room, one that passes by itself first.
const MaxAlarms = 1000

// passing alarms are about one message and are forgotten with it; the others stand until their cause is gone.
var passing = map[string]bool{AlarmIDConflict: true, AlarmUnclearExit: true, AlarmBarAhead: true}

func (s *State) applyAlarm(r Recorded, e *AlarmRaised) {
	if len(s.Alarms) >= MaxAlarms {
		delete(s.Alarms, s.oldestAlarm())
	}
	s.Alarms[alarmKey(e.Code, e.Subject)] = &Alarm{Code: e.Code, Subject: e.Subject, Revision: r.Rev, At: r.At}
}

func (s *State) oldestAlarm() string {
	oldest := ""
	for key, a := range s.Alarms {
		b := s.Alarms[oldest]
		if b == nil || passing[a.Code] && !passing[b.Code] || passing[a.Code] == passing[b.Code] && a.Revision < b.Revision {
			oldest = key
		}
	}
	return oldest
}

func alarmKey(code, subject string) string { return code + "/" + subject }
