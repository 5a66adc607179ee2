package domain

// EventType is the stored name.
func (*PortfolioOpened) EventType() string { return "PortfolioOpened" }

// EventType is the stored name.
func (*LeaderEpochStarted) EventType() string { return "LeaderEpochStarted" }

// EventType is the stored name.
func (*RecoveryCompleted) EventType() string { return "RecoveryCompleted" }

// EventType is the stored name.
func (*SettingsChanged) EventType() string { return "SettingsChanged" }

// EventType is the stored name.
func (*RiskLimitsChanged) EventType() string { return "RiskLimitsChanged" }

// EventType is the stored name.
func (*FormatRaised) EventType() string { return "FormatRaised" }

// EventType is the stored name.
func (*TradingStateChanged) EventType() string { return "TradingStateChanged" }

// EventType is the stored name.
func (*CapitalDeposited) EventType() string { return "CapitalDeposited" }

// EventType is the stored name.
func (*CapitalWithdrawn) EventType() string { return "CapitalWithdrawn" }

// EventType is the stored name.
func (*SignalReceived) EventType() string { return "SignalReceived" }

// EventType is the stored name.
func (*SignalRejected) EventType() string { return "SignalRejected" }

// EventType is the stored name.
func (*BarClosed) EventType() string { return "BarClosed" }

// EventType is the stored name.
func (*StopMoved) EventType() string { return "StopMoved" }

// EventType is the stored name.
func (*ExitRequested) EventType() string { return "ExitRequested" }

// EventType is the stored name.
func (*ExitWithdrawn) EventType() string { return "ExitWithdrawn" }

// EventType is the stored name.
func (*OrderInitialized) EventType() string { return "OrderInitialized" }

// EventType is the stored name.
func (*OrderSendStarted) EventType() string { return "OrderSendStarted" }

// EventType is the stored name.
func (*OrderAccepted) EventType() string { return "OrderAccepted" }

// EventType is the stored name.
func (*OrderRejected) EventType() string { return "OrderRejected" }

// EventType is the stored name.
func (*OrderUnknown) EventType() string { return "OrderUnknown" }

// EventType is the stored name.
func (*OrderNotAccepted) EventType() string { return "OrderNotAccepted" }

// EventType is the stored name.
func (*OrderFilled) EventType() string { return "OrderFilled" }

// EventType is the stored name.
func (*OrderCancelRequested) EventType() string { return "OrderCancelRequested" }

// EventType is the stored name.
func (*OrderCanceled) EventType() string { return "OrderCanceled" }

// EventType is the stored name.
func (*OrderExpired) EventType() string { return "OrderExpired" }

// EventType is the stored name.
func (*ClockStepped) EventType() string { return "ClockStepped" }

// EventType is the stored name.
func (*AlarmRaised) EventType() string { return "AlarmRaised" }

// EventType is the stored name.
func (*BrokerDifferenceFound) EventType() string { return "BrokerDifferenceFound" }

// EventType is the stored name.
func (*BrokerDifferenceAccepted) EventType() string { return "BrokerDifferenceAccepted" }
