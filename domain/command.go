package domain

import "time"

// Command is something that may change the portfolio. Commands carry every time and every outside fact that their decision needs.
type Command interface{ command() }

// OpenPortfolio starts an empty log: revisions 0 and 1.
type OpenPortfolio struct {
	Portfolio PortfolioOpened
	Instance  string
	Now       time.Time
}

// StartEpoch is the first command of each later start.
type StartEpoch struct {
	Instance string
	Now      time.Time
}

// RecordRecovery writes down what the recovery found.
type RecordRecovery struct {
	Recovery RecoveryCompleted
	Now      time.Time
}

// Configure holds the configuration against the configured settings in the log.
type Configure struct {
	Settings map[string]string // complete
	Now      time.Time
}

// AdoptOrders makes every order that was being sent when the process ended unknown: it is never sent again.
type AdoptOrders struct{ Now time.Time }

// SubmitSignal asks for the decision on a signal.
type SubmitSignal struct {
	Submission
	Quote *Decimal  // the broker's price, nil where none is configured
	Now   time.Time // the wall clock at its receipt
	Log   time.Time // log time, set by the engine: ahead of Now where the wall clock has gone back
}

// BeginSend asks for the write-ahead mark of a send.
type BeginSend struct {
	OrderID OrderID
	Now     time.Time
}

// ReportSent is what a send proved.
type ReportSent struct {
	OrderID  OrderID
	Accepted bool
	Refused  bool // proved; neither means unknown
	BrokerID string
	Code     string
	Text     string
	Now      time.Time
}

// ReportOrder is what the broker's book says of an order, quantities in units.
type ReportOrder struct {
	OrderID  OrderID
	BrokerID string
	Found    string // how an unknown was found: tag, fingerprint
	Canceled bool
	Rejected bool
	Text     string
	Fills    []Fill // everything since the order began, in the broker's order
	Now      time.Time
}

// Fill is one trade of a broker's book.
type Fill struct {
	ExecID string
	Units  int
	Price  Decimal
	Fee    Decimal // rupees
}

// ReportAbsent is the proof that the broker never had an unknown order.
type ReportAbsent struct {
	OrderID  OrderID
	Evidence string
	Now      time.Time
}

// ReportPositions is what the broker's book says is held, beside what was known when its reading began: whatever moved meanwhile proves
// nothing and is left to the next book.
type ReportPositions struct {
	Net    map[string]int  // units by contract; a contract that is not in it is flat
	Busy   map[string]bool // contracts that were not at rest, or of which this book says nothing
	Orders uint64          // State.OrderCount when the reading began
	Now    time.Time
}

// AcceptDifference is a person's word that a difference from the broker's book is known and harmless.
type AcceptDifference struct {
	DifferenceID string
	Reason       string
	By           string
	ID           string
	Now          time.Time
}

// RaiseAlarm calls a person for something that was seen outside of a decision.
type RaiseAlarm struct {
	Code    string
	Subject string
	Details map[string]string
	Now     time.Time
}

// Tick does what is due: expiries, cancels, exit orders, alarms. The engine runs it behind every batch of commands.
//
// Watch also looks for bars that have stopped. A backtest does not watch: its clock jumps from signal to signal, and every jump would
// look like a silence.
type Tick struct {
	Now   time.Time
	Watch bool
}

// SetTrading is a person's halt, reduce or resume.
type SetTrading struct {
	To     TradingMode
	Reason string
	By     string
	ID     string
	Now    time.Time
}

// StopEntries is the service's own reduce, with a cause. It acts only from ACTIVE: whatever a person has set stays as it is.
type StopEntries struct {
	Cause string // a code, by which the runbook finds it
	Text  string
	Now   time.Time
}

// ExitPosition is a person's exit of one position.
type ExitPosition struct {
	PositionID PositionID
	Reason     string
	By         string
	ID         string
	Now        time.Time
}

// CloseAll is a person's exit of everything.
type CloseAll struct {
	Reason string
	By     string
	ID     string
	Now    time.Time
}

// WithdrawExit ends an exit intent by a person's word.
type WithdrawExit struct {
	IntentID IntentID
	Reason   string
	By       string
	ID       string
	Now      time.Time
}

// MoveCapital deposits (amount above zero) or withdraws (Withdraw).
type MoveCapital struct {
	Withdraw bool
	Amount   Decimal // rupees, above zero
	Note     string
	By       string
	ID       string
	Now      time.Time
}

// ChangeLimits changes risk.* settings until the configuration itself changes.
type ChangeLimits struct {
	Limits map[string]string
	By     string
	ID     string
	Now    time.Time
}

// RaiseFormat is a person's word that every instance runs a build that knows a newer log format: from here on it is written.
type RaiseFormat struct {
	To  int
	By  string
	ID  string
	Now time.Time
}

// StepClock records that the wall clock went back.
type StepClock struct {
	From, To time.Time
	Now      time.Time
}

func (OpenPortfolio) command()    {}
func (StartEpoch) command()       {}
func (RecordRecovery) command()   {}
func (Configure) command()        {}
func (AdoptOrders) command()      {}
func (SubmitSignal) command()     {}
func (BeginSend) command()        {}
func (ReportSent) command()       {}
func (ReportOrder) command()      {}
func (ReportAbsent) command()     {}
func (RaiseAlarm) command()       {}
func (Tick) command()             {}
func (SetTrading) command()       {}
func (StopEntries) command()      {}
func (ExitPosition) command()     {}
func (CloseAll) command()         {}
func (WithdrawExit) command()     {}
func (MoveCapital) command()      {}
func (ChangeLimits) command()     {}
func (ReportPositions) command()  {}
func (AcceptDifference) command() {}
func (RaiseFormat) command()      {}
func (StepClock) command()        {}
