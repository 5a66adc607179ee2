package domain

import (
	"slices"
	"time"
)

// DefaultBarInterval is how far apart bars are taken to come until two of them have shown it.
const DefaultBarInterval = time.Hour

// MinBarInterval is the shortest interval that is believed: bars that come faster are a chart that catches up, or a person who tries.
const MinBarInterval = time.Minute

// MissingBars is how many intervals may pass without a bar while a position is open: then a person is called, because the stops of
// the position stand still.
const MissingBars = 2

// maxSilentDays bounds how many days a silence is counted session by session: one that long is a silence whatever the sessions are.
const maxSilentDays = 31

// follows notes how far the bar is behind the one before. A bar whose own clock ran ahead counts from when it was recorded.
func (b *Bar) follows(before *Bar) {
	if before == nil {
		return
	}
	b.GapBefore = before.Gap
	if gap := b.Fresh().Sub(before.Fresh()); gap >= time.Second {
		b.Gap = int64(gap / time.Second)
	}
}

// interval is how far apart the instrument's bars come: the smaller of the last two gaps, so that a night or an outage, which is one
// long gap between ordinary ones, does not make the watch slower.
func (m *Market) interval() time.Duration {
	if m.Bar == nil {
		return DefaultBarInterval
	}
	gap := m.Bar.Gap
	if before := m.Bar.GapBefore; gap == 0 || before > 0 && before < gap {
		gap = before
	}
	if gap == 0 {
		return DefaultBarInterval
	}
	return max(time.Duration(gap)*time.Second, MinBarInterval)
}

// heldSince is when the oldest layer that holds lots was filled.
func (m *Market) heldSince() (since time.Time, held bool) {
	for _, l := range m.layers() {
		if l.Lots > 0 && l.EntryTime != nil && (!held || l.EntryTime.Before(since)) {
			since, held = *l.EntryTime, true
		}
	}
	return since, held
}

// silence calls a person for every open position whose bars have stopped. The positions of a demo are nobody's: its bars end with the sample.
func (w *due) silence() {
	if w.s.Demo || len(w.s.byID) == 0 {
		return
	}
	var names []string
	for name, m := range w.s.Markets {
		if w.silent(name, m) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		m := w.s.Markets[name]
		details := map[string]string{"interval": m.interval().String(), "last_bar": "none"}
		if m.Bar != nil {
			details["last_bar"] = m.Bar.At.UTC().Format(time.RFC3339)
		}
		w.d.alarm(w.s, -1, "", "", &AlarmRaised{Code: AlarmBarsMissing, Subject: name, Details: details})
	}
}

func (w *due) silent(name string, m *Market) bool {
	since, held := m.heldSince()
	if !held || w.s.Alarms[alarmKey(AlarmBarsMissing, name)] != nil {
		return false
	}
	if m.Bar != nil && m.Bar.At.After(since) {
		since = m.Bar.At
	}
	allowed := MissingBars * m.interval()
	if w.now.Sub(since) < allowed {
		return false
	}
	in, known := w.s.settings.Instrument(name, w.now)
	if !known || !w.s.settings.Signals.EnforceSession {
		return true
	}
	// A bar a day, or one as long as the session, comes once a session.
	allowed = min(allowed, MissingBars*in.Session.length(w.now))
	return in.Session.spent(since, w.now) >= allowed
}

// length is how long the session of t's exchange day is.
func (s Session) length(t time.Time) time.Duration {
	return time.Duration(s.closing(t)-s.Open) * time.Minute
}

// spent is how much of the time from one instant to another lay in sessions. Holidays are not known here.
func (s Session) spent(from, to time.Time) time.Duration {
	if to.Sub(from) > maxSilentDays*24*time.Hour {
		return to.Sub(from)
	}
	var sum time.Duration
	y, m, d := from.In(exchangeTime).Date()
	for day := time.Date(y, m, d, 12, 0, 0, 0, exchangeTime); ; day = day.AddDate(0, 0, 1) {
		closing := s.Ends(day)
		opening := closing.Add(-s.length(day))
		if !opening.Before(to) {
			return sum
		}
		if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
			continue
		}
		begin, end := opening, closing
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		if end.After(begin) {
			sum += end.Sub(begin)
		}
	}
}
