package domain

import "time"

// Event is one fact of the log. The closed list stands in EventTypes; Apply knows every one of them.
type Event interface {
	// EventType is the stored name.
	EventType() string
}

// Meta stands beside every event in the log (log-format, version 1), keys in this order.
type Meta struct {
	ID        EventID     `json:"id"`
	Type      string      `json:"type"`
	V         int         `json:"v"`
	Portfolio PortfolioID `json:"portfolio"`
	Rev       uint64      `json:"rev"`
	At        time.Time   `json:"at"`    // log time, UTC, never falling
	Corr      EventID     `json:"corr"`  // the first event of the chain
	Cause     EventID     `json:"cause"` // the event that led here, "" for a first one
	Epoch     uint64      `json:"epoch"`
	Inst      string      `json:"inst"`
	Build     string      `json:"build"`
	Prev      string      `json:"prev"` // hex hash of the record before
}

// Recorded is an event with its metadata, as it stands in the log.
type Recorded struct {
	Meta
	Event Event
}

// EventTypes makes an empty event of each type that this build knows, by stored name.
var EventTypes = map[string]func() Event{
	"PortfolioOpened":          func() Event { return new(PortfolioOpened) },
	"LeaderEpochStarted":       func() Event { return new(LeaderEpochStarted) },
	"RecoveryCompleted":        func() Event { return new(RecoveryCompleted) },
	"SettingsChanged":          func() Event { return new(SettingsChanged) },
	"RiskLimitsChanged":        func() Event { return new(RiskLimitsChanged) },
	"FormatRaised":             func() Event { return new(FormatRaised) },
	"TradingStateChanged":      func() Event { return new(TradingStateChanged) },
	"CapitalDeposited":         func() Event { return new(CapitalDeposited) },
	"CapitalWithdrawn":         func() Event { return new(CapitalWithdrawn) },
	"SignalReceived":           func() Event { return new(SignalReceived) },
	"SignalRejected":           func() Event { return new(SignalRejected) },
	"BarClosed":                func() Event { return new(BarClosed) },
	"StopMoved":                func() Event { return new(StopMoved) },
	"ExitRequested":            func() Event { return new(ExitRequested) },
	"ExitWithdrawn":            func() Event { return new(ExitWithdrawn) },
	"OrderInitialized":         func() Event { return new(OrderInitialized) },
	"OrderSendStarted":         func() Event { return new(OrderSendStarted) },
	"OrderAccepted":            func() Event { return new(OrderAccepted) },
	"OrderRejected":            func() Event { return new(OrderRejected) },
	"OrderUnknown":             func() Event { return new(OrderUnknown) },
	"OrderNotAccepted":         func() Event { return new(OrderNotAccepted) },
	"OrderFilled":              func() Event { return new(OrderFilled) },
	"OrderCancelRequested":     func() Event { return new(OrderCancelRequested) },
	"OrderCanceled":            func() Event { return new(OrderCanceled) },
	"OrderExpired":             func() Event { return new(OrderExpired) },
	"ClockStepped":             func() Event { return new(ClockStepped) },
	"AlarmRaised":              func() Event { return new(AlarmRaised) },
	"BrokerDifferenceFound":    func() Event { return new(BrokerDifferenceFound) },
	"BrokerDifferenceAccepted": func() Event { return new(BrokerDifferenceAccepted) },
}

// PortfolioOpened is revision 0 of every log.
type PortfolioOpened struct {
	ID             PortfolioID       `json:"id"`
	Currency       string            `json:"currency"`
	InitialCapital Decimal           `json:"initial_capital"` // rupees
	Demo           bool              `json:"demo"`
	Settings       map[string]string `json:"settings"` // every setting that decisions read
}

// LeaderEpochStarted is the first event of each start and take-over; the epoch and the instance stand in the metadata too.
type LeaderEpochStarted struct {
	Epoch    uint64 `json:"epoch"`
	Instance string `json:"instance"`
}

// RecoveryCompleted says what a start found before it took signals. The fields marked with a version are left out by the forms before it.
type RecoveryCompleted struct {
	ReportDigest     string  `json:"report_digest"` // hex SHA-256 of the report file
	HeadRevision     uint64  `json:"head_revision"`
	HeadHash         string  `json:"head_hash"`
	Snapshot         string  `json:"snapshot"`                    // none, agreed, missing, outdated, newer, unavailable
	SnapshotRevision *uint64 `json:"snapshot_revision,omitempty"` // version 2: at which the snapshot stood; absent where there was none
	StateDigest      string  `json:"state_digest,omitempty"`      // version 2: hex SHA-256 of the state at the head, as the build writes states
}

// SettingsChanged records the settings that a start found changed in the configuration: only the changed keys.
// A key that is absent on one side did not exist there.
type SettingsChanged struct {
	Before map[string]string `json:"before"`
	After  map[string]string `json:"after"`
	By     string            `json:"by"`
}

// RiskLimitsChanged is a person's change of limits; it holds until the configuration itself changes.
type RiskLimitsChanged struct {
	By     string            `json:"by"`
	Before map[string]string `json:"before"`
	After  map[string]string `json:"after"`
	ID     string            `json:"command_id,omitempty"`
}

// FormatRaised allows this and later builds to write events of a newer form. Its own form never changes: an older build must be able to
// read in it which format it does not know.
type FormatRaised struct {
	To int    `json:"to"`
	By string `json:"by"`
}

// TradingMode is what the portfolio may do.
type TradingMode string

// The three trading states.
const (
	Active   TradingMode = "ACTIVE"   // trades
	Reducing TradingMode = "REDUCING" // entries refused, exits and stops go on
	Halted   TradingMode = "HALTED"   // nothing is sent but a person's own exits
)

// TradingStateChanged moves the portfolio between ACTIVE, REDUCING and HALTED.
type TradingStateChanged struct {
	From   TradingMode `json:"from"`
	To     TradingMode `json:"to"`
	Reason string      `json:"reason"`
	By     string      `json:"by"`
	ID     string      `json:"command_id,omitempty"`
}

// CapitalDeposited adds money; the high-water mark rises by the same amount.
type CapitalDeposited struct {
	Amount Decimal `json:"amount"` // rupees
	Note   string  `json:"note,omitempty"`
	By     string  `json:"by"`
	ID     string  `json:"command_id,omitempty"`
}

// CapitalWithdrawn takes money out; the high-water mark falls by the same amount.
type CapitalWithdrawn struct {
	Amount Decimal `json:"amount"` // rupees
	Note   string  `json:"note,omitempty"`
	By     string  `json:"by"`
	ID     string  `json:"command_id,omitempty"`
}

// AlarmRaised calls a person, once a cause.
type AlarmRaised struct {
	Code    string            `json:"code"`
	Subject string            `json:"subject"` // what it is about: an order, an intent, a signal, an instrument
	Details map[string]string `json:"details,omitempty"`
}

// ClockStepped records that the wall clock went back.
type ClockStepped struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// BrokerDifferenceFound records a difference between the broker's book and the projection; a person decides.
type BrokerDifferenceFound struct {
	ID       string            `json:"id"`
	Contract string            `json:"contract"`
	Kind     string            `json:"kind"`
	Details  map[string]string `json:"details,omitempty"`
}

// BrokerDifferenceAccepted is a person's word that a difference is known and harmless.
type BrokerDifferenceAccepted struct {
	ID     string `json:"id"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}
