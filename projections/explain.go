package projections

import (
	"slices"
	"strings"
	"time"

	"pm/domain"
)

// What an explanation is about.
const (
	SubjectSignal   = "signal"
	SubjectOrder    = "order"
	SubjectPosition = "position"
	SubjectExit     = "exit"
	SubjectEvent    = "event" // at a revision that is of none of these
)

// The limits of an explanation; Truncated says that there is more.
const (
	// MaxExplained is how many events it looks at.
	MaxExplained = 1000
	// MaxAbout is how many of them are about one order, position or exit: of a longer life the first and the last half of it, since how
	// something began and ended says more than the moves of its stop in between.
	MaxAbout = 800
	// maxListed is how many revisions the index is asked for.
	maxListed = 20 * MaxExplained
)

// Explanation is why something happened: the events of its chain in the order of the log, and what stands in them, sorted out.
type Explanation struct {
	ID        string     `json:"id"`      // as it was asked for: an id, a tag or a revision
	Subject   string     `json:"subject"` // signal, order, position, exit, event
	Text      string     `json:"text"`    // the same for a person to read, one step a line
	Steps     []Step     `json:"steps"`
	Inputs    []Signal   `json:"inputs"`  // the signals that led to it, as they were sent
	Sizes     []Size     `json:"sizes"`   // how many lots, and what limited them
	Gates     []GateView `json:"gates"`   // every rule that was held against a signal, with its figure and its limit
	Reasons   []Reason   `json:"reasons"` // why a signal was refused
	Stops     []StopMove `json:"stops"`
	Fills     []FillView `json:"fills"`
	Money     *Money     `json:"money,omitempty"` // of a position
	Truncated bool       `json:"truncated"`
	Revision  uint64     `json:"revision"` // of the log when it was read
}

// Step is one event of the chain.
type Step struct {
	Revision uint64    `json:"revision"`
	At       time.Time `json:"at"`
	Type     string    `json:"type"`
	Text     string    `json:"text"`
}

// Size is the sizing of one entry, taken or refused.
type Size struct {
	Revision   uint64        `json:"revision"`
	PositionID string        `json:"position_id,omitempty"` // "" where it was refused
	Text       string        `json:"text"`
	Figures    domain.Sizing `json:"figures"`
}

// GateView is one gate with its figure beside its limit.
type GateView struct {
	Revision uint64         `json:"revision"`
	Code     string         `json:"code"`
	Passed   bool           `json:"passed"`
	Value    domain.Decimal `json:"value"`
	Limit    domain.Decimal `json:"limit"`
	Text     string         `json:"text"`
}

// StopMove is one move of a stop.
type StopMove struct {
	Revision   uint64         `json:"revision"`
	At         time.Time      `json:"at"`
	PositionID string         `json:"position_id"`
	From       domain.Decimal `json:"from"`
	To         domain.Decimal `json:"to"`
	Highest    domain.Decimal `json:"highest"`
	Cause      string         `json:"cause"`
}

// FillView is one fill.
type FillView struct {
	Revision uint64         `json:"revision"`
	At       time.Time      `json:"at"`
	OrderID  string         `json:"order_id"`
	Side     string         `json:"side"`
	Lots     int            `json:"lots"`
	Price    domain.Decimal `json:"price"`
	Fee      domain.Decimal `json:"fee"` // rupees, of the whole order's fill
}

// Money is what a position has earned so far: gross = (exit − entry) × lots sold × point value, from the fills.
type Money struct {
	PositionID string          `json:"position_id"`
	LotsBought int             `json:"lots_bought"`
	LotsSold   int             `json:"lots_sold"`
	PointValue domain.Decimal  `json:"point_value"`
	Entry      *domain.Decimal `json:"entry_price,omitempty"`
	Exit       *domain.Decimal `json:"exit_price,omitempty"`
	Gross      domain.Decimal  `json:"gross"`
	Fees       domain.Decimal  `json:"fees"`
	Net        domain.Decimal  `json:"net"`
	Unrealized domain.Decimal  `json:"unrealized"`
	Text       string          `json:"text"`
}

// Explain sorts out the events of a chain, which are in the order of the log. position is the one that it is about, nil if it is about
// something else. It reads nothing else and keeps nothing.
func Explain(id, subject string, events []domain.Recorded, position *Position) Explanation {
	x := Explanation{
		ID: id, Subject: subject, Steps: []Step{}, Inputs: []Signal{}, Sizes: []Size{}, Gates: []GateView{}, Reasons: []Reason{},
		Stops: []StopMove{}, Fills: []FillView{},
	}
	sides := map[domain.OrderID]*domain.OrderInitialized{}
	for i := range events {
		r := &events[i]
		if e, ok := r.Event.(*domain.OrderInitialized); ok {
			sides[e.OrderID] = e
		}
		x.take(r, sides)
		text := sentence(r.Event, sides)
		if x.unchecked(r.Event) {
			text += " " + uncheckedWords
		}
		x.Steps = append(x.Steps, Step{Revision: r.Rev, At: r.At, Type: r.Type, Text: text})
	}
	if position != nil {
		x.Money = moneyOf(position)
	}
	x.Text = x.words()
	return x
}

func (x *Explanation) take(r *domain.Recorded, orders map[domain.OrderID]*domain.OrderInitialized) {
	switch e := r.Event.(type) {
	case *domain.SignalReceived:
		x.Inputs = append(x.Inputs, signalOf(r, e))
	case *domain.SignalRejected:
		x.refused(r, e)
	case *domain.OrderInitialized:
		if e.Entry != nil {
			x.Sizes = append(x.Sizes, Size{r.Rev, string(e.Entry.PositionID), sizeWords(&e.Entry.Sizing), e.Entry.Sizing})
			for _, g := range e.Entry.Gates {
				x.Gates = append(x.Gates, gateOf(r.Rev, g, true))
			}
		}
	case *domain.StopMoved:
		x.Stops = append(x.Stops, StopMove{r.Rev, r.At, string(e.PositionID), e.From, e.To, e.Highest, e.Cause})
	case *domain.OrderFilled:
		side := ""
		if o := orders[e.OrderID]; o != nil {
			side = o.Side
		}
		x.Fills = append(x.Fills, FillView{r.Rev, r.At, string(e.OrderID), side, e.LastQty, e.LastPx, e.Fee})
	}
}

func (x *Explanation) refused(r *domain.Recorded, e *domain.SignalRejected) {
	x.Reasons = append(x.Reasons, ReasonsOf(e.Reasons)...)
	if e.Sizing != nil {
		x.Sizes = append(x.Sizes, Size{r.Rev, "", sizeWords(e.Sizing), *e.Sizing})
	}
	failed := map[domain.ReasonCode]bool{}
	for _, reason := range e.Reasons {
		failed[reason.Code] = true
		if g, ok := failedGate(reason); ok {
			x.Gates = append(x.Gates, gateOf(r.Rev, g, false))
		}
	}
	for _, g := range e.Gates {
		if !failed[g.Code] {
			x.Gates = append(x.Gates, gateOf(r.Rev, g, true))
		}
	}
}

// unchecked says whether the event decided on an entry whose price no quote of the broker was there to hold against. A refusal does not say
// so by itself: the gate is missing from those that were measured.
func (x *Explanation) unchecked(event domain.Event) bool {
	switch e := event.(type) {
	case *domain.OrderInitialized:
		return e.Entry != nil && e.Entry.Checks["price"] == "unchecked"
	case *domain.SignalRejected:
		if len(x.Inputs) == 0 || !slices.Contains(enters, domain.SignalType(x.Inputs[len(x.Inputs)-1].Type)) {
			return false
		}
		judged := slices.ContainsFunc(e.Reasons, func(r domain.Reason) bool { return r.Code != domain.ReasonDuplicate && r.Code != domain.ReasonNotOpen })
		return judged && !slices.ContainsFunc(e.Gates, func(g domain.Gate) bool { return g.Code == domain.ReasonPriceDivergence })
	}
	return false
}

// enters are the types of signal that may ask for an entry.
var enters = []domain.SignalType{domain.BaseEntry, domain.Pyramid, domain.EODMonitor}

// gateFigures names, for each gate, the details of its refusal that hold the figure and the limit; a limit without name is zero.
var gateFigures = map[domain.ReasonCode][2]string{
	domain.ReasonOneR: {"move", "r"}, domain.ReasonSpacing: {"atrs", "limit"}, domain.ReasonProfit: {"profit", ""},
	domain.ReasonPortfolioRisk: {"percent", "limit"}, domain.ReasonPortfolioVolatility: {"percent", "limit"}, domain.ReasonPriceDivergence: {"percent", "limit"},
}

// failedGate reads the figures of a gate that said no; ok is false for a rule that compares nothing.
func failedGate(reason domain.Reason) (g domain.Gate, ok bool) {
	names, ok := gateFigures[reason.Code]
	if !ok || g.Value.UnmarshalText([]byte(reason.Details[names[0]])) != nil {
		return g, false
	}
	g.Code = reason.Code
	return g, names[1] == "" || g.Limit.UnmarshalText([]byte(reason.Details[names[1]])) == nil
}

func gateOf(rev uint64, g domain.Gate, passed bool) GateView {
	v := GateView{Revision: rev, Code: string(g.Code), Passed: passed, Value: g.Value, Limit: g.Limit}
	v.Text = gateWords(v)
	return v
}

func moneyOf(p *Position) *Money {
	m := &Money{
		PositionID: p.PositionID, LotsBought: p.LotsBought, LotsSold: p.LotsSold, PointValue: p.PointValue, Entry: p.EntryPrice, Exit: p.ExitPrice,
		Gross: p.RealizedPnL, Fees: p.Fees, Net: p.NetPnL, Unrealized: p.Unrealized,
	}
	m.Text = moneyWords(m)
	return m
}

// words is the explanation as a person reads it.
func (x *Explanation) words() string {
	var out strings.Builder
	for _, s := range x.Steps {
		out.WriteString(s.At.In(exchangeZone).Format("2006-01-02 15:04:05") + "  " + s.Text + "\n")
		for _, size := range x.Sizes {
			if size.Revision == s.Revision {
				out.WriteString("    " + size.Text + "\n")
			}
		}
		for _, g := range x.Gates {
			if g.Revision == s.Revision {
				out.WriteString("    " + g.Text + "\n")
			}
		}
	}
	if x.Money != nil {
		out.WriteString(x.Money.Text + "\n")
	}
	if x.Truncated {
		out.WriteString("There is more: `pmctl replay` prints every event.\n")
	}
	return out.String()
}
