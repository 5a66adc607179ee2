package domain

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// State is the fold of a portfolio's log: everything that decisions read, and nothing else. What is settled leaves it, but for
// what still answers questions (Recent). Only Apply changes it.
type State struct {
	Portfolio   PortfolioID            `json:"portfolio"`
	Currency    string                 `json:"currency"`
	Demo        bool                   `json:"demo"`
	Events      uint64                 `json:"events"` // events applied: the next revision
	At          time.Time              `json:"at"`     // log time of the last event
	Epoch       uint64                 `json:"epoch"`
	Instance    string                 `json:"instance"`
	Format      int                    `json:"format"`
	Trading     Trading                `json:"trading"`
	Capital     Capital                `json:"capital"`
	OrderCount  uint64                 `json:"order_count"`
	IntentCount uint64                 `json:"intent_count"`
	Markets     map[string]*Market     `json:"markets"`
	Orders      map[OrderID]*Order     `json:"orders"`  // not done
	Intents     map[IntentID]*Intent   `json:"intents"` // standing
	Alarms      map[string]*Alarm      `json:"alarms"`
	Differences map[string]*Difference `json:"differences"`
	Configured  map[string]string      `json:"configured"`
	Effective   map[string]string      `json:"effective"`
	Accepted    map[string]*Accepted   `json:"accepted_differences,omitempty"` // by contract
	Recent      Recent                 `json:"recent"`

	settings *Settings             // Effective, parsed
	closed   []*Layer              // layers that the last event closed
	byID     map[PositionID]*Layer // reserved or open
	brokers  map[string]OrderID    // the broker's ids of the orders in memory
}

// NewState is the state before the first event.
func NewState() *State {
	return &State{
		Markets: map[string]*Market{}, Orders: map[OrderID]*Order{}, Intents: map[IntentID]*Intent{}, Alarms: map[string]*Alarm{},
		Differences: map[string]*Difference{}, Accepted: map[string]*Accepted{}, Configured: map[string]string{}, Effective: map[string]string{}, Recent: newRecent(),
		settings: &Settings{}, byID: map[PositionID]*Layer{}, brokers: map[string]OrderID{},
	}
}

// Settings are those in force.
func (s *State) Settings() *Settings { return s.settings }

// Closed lists the layers that the last applied event closed, with their final figures.
func (s *State) Closed() []*Layer { return s.closed }

// Trading is the trading state and why.
type Trading struct {
	Mode   TradingMode `json:"mode"`
	Reason string      `json:"reason"`
	By     string      `json:"by"`
	Since  time.Time   `json:"since"`
}

// Capital is closed equity by its parts, in rupees. Realized is gross; fees are counted at their own fill.
type Capital struct {
	Flows     Decimal `json:"flows"`
	Realized  Decimal `json:"realized"`
	Fees      Decimal `json:"fees"`
	HighWater Decimal `json:"high_water"`
}

// Closed is C: flows + realized − fees.
func (c Capital) Closed() Decimal { return c.Flows.Add(c.Realized).Sub(c.Fees) }

// Market is what the portfolio knows and holds of one instrument.
type Market struct {
	Campaigns int       `json:"campaigns"` // numbers given so far
	Campaign  *Campaign `json:"campaign,omitempty"`
	Late      []*Layer  `json:"late,omitempty"` // positions made by late fills, leaving
	Lates     int       `json:"lates"`
	Bar       *Bar      `json:"bar,omitempty"`
	Oversold  int       `json:"oversold"` // lots that a late exit fill sold beyond what was held
}

// Bar is the instrument's latest bar.
type Bar struct {
	Time  time.Time `json:"time"`
	Price Decimal   `json:"price"`
	ATR   Decimal   `json:"atr"`
	At    time.Time `json:"at"` // log time
	// The seconds to the bar before, and from that one to the one before it; 0: not known.
	Gap       int64 `json:"gap_seconds,omitempty"`
	GapBefore int64 `json:"gap_before_seconds,omitempty"`
}

// Fresh is the time that a newer bar must not be older than. A bar whose own clock ran ahead counts from when it was recorded:
// one wrong clock must not silence the stops.
func (b *Bar) Fresh() time.Time {
	if b.Time.After(b.At) {
		return b.At
	}
	return b.Time
}

// Campaign is everything in one instrument from its base entry until it is flat again.
type Campaign struct {
	Number      int       `json:"number"`
	Layers      []*Layer  `json:"layers"` // reserved or open, oldest first
	Filled      int       `json:"filled"` // layers that were ever filled
	BaseLots    int       `json:"base_lots"`
	BaseCost    Decimal   `json:"base_cost"` // points × lots of the base as first filled
	BaseStop    Decimal   `json:"base_initial_stop"`
	LastPrice   Decimal   `json:"last_signal_price"` // of the latest filled layer
	OpenedAt    time.Time `json:"opened_at"`
	BaseSettled bool      `json:"base_settled"` // the base order is done: BaseLots are fixed
}

// BaseEntry is the base's average price as first filled.
func (c *Campaign) BaseEntry() Average { return Average{c.BaseCost, c.BaseLots} }

// Layer is one rung of a pyramid, or a position made by a late fill. It keeps every value it needs: the table may change under it.
type Layer struct {
	PositionID   PositionID `json:"position_id"`
	Instrument   string     `json:"instrument"`
	Exchange     string     `json:"exchange"`
	Contract     string     `json:"contract"`
	Campaign     int        `json:"campaign"`
	Number       int        `json:"layer"`
	LateFill     bool       `json:"late_fill,omitempty"`
	Kept         bool       `json:"kept,omitempty"` // a person withdrew the exit of a late fill
	SignalTime   time.Time  `json:"signal_time"`
	SignalPrice  Decimal    `json:"signal_price"`
	SignalStop   Decimal    `json:"signal_stop"`
	InitialStop  Decimal    `json:"initial_stop"`
	Stop         Decimal    `json:"stop"`
	Highest      Decimal    `json:"highest"`
	ATR          Decimal    `json:"atr"`
	Mark         *Decimal   `json:"mark,omitempty"` // the latest bar's price since entry
	TrailingATR  Decimal    `json:"trailing_atr_multiple"`
	PointValue   Decimal    `json:"point_value"`
	MarginPerLot Decimal    `json:"margin_per_lot"`
	LotSize      int        `json:"lot_size"`
	Lots         int        `json:"lots"`    // held
	Leaving      int        `json:"leaving"` // claimed by exit intents
	Bought       int        `json:"bought"`
	Sold         int        `json:"sold"`
	BoughtCost   Decimal    `json:"bought_cost"` // points × lots
	Cost         Decimal    `json:"cost"`        // of the lots held
	Proceeds     Decimal    `json:"proceeds"`    // points × lots
	Realized     Decimal    `json:"realized"`    // rupees, gross
	Fees         Decimal    `json:"fees"`
	EntryTime    *time.Time `json:"entry_time,omitempty"`
	ExitTime     *time.Time `json:"exit_time,omitempty"`
	ExitCause    ExitCause  `json:"exit_cause,omitempty"`
	EntryOrder   OrderID    `json:"entry_order"`
	Orders       []OrderID  `json:"orders"` // that filled on it, and its entry
}

// Entry is the average entry price, exact.
func (l *Layer) Entry() Average { return Average{l.BoughtCost, l.Bought} }

// Free is how many lots no exit intent has claimed.
func (l *Layer) Free() int { return l.Lots - l.Leaving }

// Risk is max(0, entry − stop) over the lots held, rupees.
func (l *Layer) Risk() Decimal { return RiskOf(l.Cost, l.Lots, l.Stop, l.PointValue) }

// Volatility is ATR × lots × point value, rupees.
func (l *Layer) Volatility() Decimal { return VolatilityOf(l.ATR, l.Lots, l.PointValue) }

// Unrealized is the open P&L at the latest bar since entry, 0 before one: a signal marks nothing.
func (l *Layer) Unrealized() Decimal {
	if l.Mark == nil || l.Lots == 0 {
		return zero
	}
	return ProfitAt(*l.Mark, l.Cost, l.Lots, l.PointValue)
}

// OrderState is where an order is in its life.
type OrderState string

// The states of an order that is not done, and the ends.
const (
	Initialized OrderState = "initialized"
	Sending     OrderState = "sending"
	UnknownSent OrderState = "unknown"
	Working     OrderState = "working"
	Canceling   OrderState = "canceling"
	Done        OrderState = "done"
)

// Order is an order that is not done, or one that ended within the memory of the state.
type Order struct {
	OrderInitialized `json:"order"`
	State            OrderState `json:"state"`
	End              string     `json:"end,omitempty"` // the event that ended it
	CancelRequested  bool       `json:"cancel_requested,omitempty"`
	BrokerID         string     `json:"broker_id,omitempty"`
	Cum              int        `json:"cum"` // lots filled
	FillCost         Decimal    `json:"fill_cost"`
	NotAfter         time.Time  `json:"not_after"`
	StateAt          time.Time  `json:"state_at"`
	Corr             EventID    `json:"corr"`
	Last             EventID    `json:"last"`
}

// Leaves is how many lots may still fill.
func (o *Order) Leaves() int { return o.Lots - o.Cum }

// Intent is a standing exit: it ends when its lots are gone.
type Intent struct {
	ID         IntentID   `json:"id"`
	Instrument string     `json:"instrument"`
	Contract   string     `json:"contract"`
	Cause      ExitCause  `json:"cause"`
	Claims     []Claim    `json:"claims"`          // what is left of them, oldest layer first
	Binds      []OrderID  `json:"binds,omitempty"` // entries whose fills it takes, exit orders whose rest it takes
	HeldBack   bool       `json:"held_back,omitempty"`
	Withdrawn  bool       `json:"withdrawn,omitempty"`
	RefPrice   *Decimal   `json:"reference_price,omitempty"`
	SignalID   SignalID   `json:"signal_id,omitempty"`
	By         string     `json:"by,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Order      OrderID    `json:"order,omitempty"` // the one under way
	Attempts   int        `json:"attempts"`
	NextAt     *time.Time `json:"next_at,omitempty"` // the earliest next attempt
	Revision   uint64     `json:"revision"`
	Corr       EventID    `json:"corr"`
	Last       EventID    `json:"last"`
}

// Lots is what the intent still claims.
func (i *Intent) Lots() int {
	n := 0
	for _, c := range i.Claims {
		n += c.Lots
	}
	return n
}

// Alarm is a call for a person that stands.
type Alarm struct {
	Code     string    `json:"code"`
	Subject  string    `json:"subject"`
	Revision uint64    `json:"revision"`
	At       time.Time `json:"at"`
}

// Difference is one between the broker's book and the projection that no person has accepted.
type Difference struct {
	Contract string `json:"contract"`
	Kind     string `json:"kind"`
	Revision uint64 `json:"revision"`
	Units    int    `json:"units,omitempty"` // the broker's minus ours
}

// Accepted is a difference of a contract that a person has accepted: as long as it stays the same it is not found again.
type Accepted struct {
	ID    string `json:"id"`
	Units int    `json:"units"`
}

// market gives the instrument's, making it at first use.
func (s *State) market(instrument string) *Market {
	m := s.Markets[instrument]
	if m == nil {
		m = &Market{}
		s.Markets[instrument] = m
	}
	return m
}

// Layers lists every layer that is reserved or open: by instrument, campaign layers before late ones.
func (s *State) Layers() []*Layer {
	var out []*Layer
	for _, name := range slices.Sorted(maps.Keys(s.Markets)) {
		out = append(out, s.Markets[name].layers()...)
	}
	return out
}

// byAge puts claims into the order of their layers.
func (m *Market) byAge(claims []Claim) {
	layers := m.layers()
	age := func(c Claim) int {
		return slices.IndexFunc(layers, func(l *Layer) bool { return l.PositionID == c.PositionID })
	}
	slices.SortStableFunc(claims, func(a, b Claim) int { return age(a) - age(b) })
}

func (m *Market) layers() []*Layer {
	if m == nil {
		return nil
	}
	var out []*Layer
	if m.Campaign != nil {
		out = append(out, m.Campaign.Layers...)
	}
	return append(out, m.Late...)
}

// Layer finds a reserved or open layer, nil if there is none.
func (s *State) Layer(id PositionID) *Layer { return s.byID[id] }

// OpenOrders lists the orders that are not done, oldest first.
func (s *State) OpenOrders() []*Order {
	return slices.SortedFunc(maps.Values(s.Orders), func(a, b *Order) int { return cmp.Compare(a.N, b.N) })
}

// StandingIntents lists the exit intents, oldest first.
func (s *State) StandingIntents() []*Intent {
	return slices.SortedFunc(maps.Values(s.Intents), func(a, b *Intent) int { return cmp.Compare(a.Revision, b.Revision) })
}
