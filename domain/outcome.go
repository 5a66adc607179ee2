package domain

// The actions of an accepted signal.
const (
	ActionOpenBase = "open_base"
	ActionAddLayer = "add_layer"
	ActionExit     = "exit"
	ActionMark     = "mark"
	ActionNone     = "none"
)

// Outcome is what became of a signal, read from its events: the same for the first answer and for every repeat.
type Outcome struct {
	Status   string // accepted, rejected
	SignalID SignalID
	Revision uint64 // of its SignalReceived
	Action   string
	Position PositionID
	Layer    string
	Lots     int
	Sizing   *Sizing
	Reasons  []Reason
	Flags    []string
}

// OutcomeOf reads the outcome of the chain that the first event belongs to, passing over alarms that were raised before the signal
// was judged, and events of other chains.
func OutcomeOf(events []Recorded) Outcome {
	out := Outcome{Action: ActionNone}
	if len(events) == 0 {
		return out
	}
	chain := events[0].Corr
	for i := range events {
		if _, alarm := events[i].Event.(*AlarmRaised); !alarm {
			chain = events[i].Corr
			break
		}
	}
	for i := range events {
		if events[i].Corr == chain {
			out.take(&events[i])
		}
	}
	return out
}

func (out *Outcome) take(r *Recorded) {
	switch e := r.Event.(type) {
	case *SignalReceived:
		out.Status, out.SignalID, out.Revision, out.Flags = e.Outcome, e.SignalID, r.Rev, e.Flags
	case *SignalRejected:
		out.Reasons, out.Layer, out.Sizing = e.Reasons, e.Layer, e.Sizing
	case *BarClosed:
		out.Action = ActionMark
	case *OrderInitialized:
		if e.Entry == nil || out.Sizing != nil {
			return
		}
		out.Action = ActionOpenBase
		if e.Entry.Layer > 1 {
			out.Action = ActionAddLayer
		}
		out.Position, out.Layer, out.Lots, out.Sizing = e.Entry.PositionID, LayerName(e.Entry.Layer), e.Lots, &e.Entry.Sizing
	case *ExitRequested:
		out.exit(r, e)
	}
}

func (out *Outcome) exit(r *Recorded, e *ExitRequested) {
	if out.Status == "" { // a duplicate points at what claimed the lots, and no signal led to that in one step: a person's exit, a late fill's
		out.Status, out.SignalID, out.Revision = OutcomeAccepted, e.SignalID, r.Rev
	}
	if e.HeldBack || out.Action == ActionOpenBase || out.Action == ActionAddLayer {
		return // a later exit in an entry's chain, for example of a late fill
	}
	out.Action = ActionExit
	for _, c := range e.Claims {
		out.Lots += c.Lots
		if out.Position == "" {
			out.Position, out.Layer = c.PositionID, c.Layer
		}
	}
}
