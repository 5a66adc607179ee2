package eventstore_test

import (
	"time"

	"pm/domain"
)

func some[T any](v T) *T { return &v }

// noon is the time in every example.
var noon = time.Date(2025, 1, 2, 12, 0, 0, 123456789, time.UTC)

func fullSizing() domain.Sizing {
	d := func(s string) *domain.Decimal { return some(domain.D(s)) }
	return domain.Sizing{
		Mode: "own", Lots: 4, Limiter: "risk", EquityMode: "blended", Equity: d("5000000"), AvailableMargin: d("3000000"), Price: d("52000.5"),
		Stop: d("51650.05"), ATR: d("350.25"), ER: d("0.82"), RiskPercent: d("1"), VolPercent: d("0.5"), PointValue: d("30"), MarginPerLot: d("270000"),
		BaseLots: some(8), Profit: d("144000"), Pyramids: some(1), LotsRisk: d("3.899938123484"), LotsVolatility: d("2.379252914584"),
		LotsMargin: d("11.111111111111"), LotsDiscipline: d("2"), LotsRiskBudget: d("6"),
	}
}

func fullSignal() domain.Signal {
	d := func(s string) *domain.Decimal { return some(domain.D(s)) }
	return domain.Signal{
		Type: domain.EODMonitor, Instrument: "BANK_NIFTY", Timestamp: noon, Position: []string{"Long_1", "Long_2"}, Price: d("52000.5"), Stop: d("51650.05"),
		ATR: d("350.25"), ER: d("0.82"), Supertrend: d("51600"), ROC: d("-1.25"), Lots: d("4"),
		Conditions: &domain.Conditions{RSI: true, EMA: true, DC: true, ADX: true, ER: true, ST: true, NotDoji: true, LongEntry: true, LongExit: true},
		Indicators: &domain.Indicators{RSI: domain.D("61.5"), EMA: domain.D("51800"), DCUpper: domain.D("52010"), ADX: domain.D("24"), ER: domain.D("0.82"),
			Supertrend: domain.D("51600"), ATR: domain.D("350.25"), ROC: d("-1.25")},
	}
}

func fullEntry() *domain.Entry {
	return &domain.Entry{
		PositionID: "BANK_NIFTY-17-Long_2", Campaign: 17, Layer: 2, NamedLayer: "Long_3", SignalTime: noon, SignalPrice: domain.D("52000.5"),
		SignalStop: domain.D("51650.05"), InitialStop: domain.D("51475.125"), ATR: domain.D("350.25"), MarginPerLot: domain.D("270000"),
		TrailingATR: domain.D("2.5"), Sizing: fullSizing(), Gates: []domain.Gate{{Code: "one_r", Value: domain.D("361.5"), Limit: domain.D("350")}},
		Checks: map[string]string{"price": "unchecked"},
	}
}

// examples has one event of every type with every field filled, so that the goldens fix every key.
func examples() []domain.Event {
	price := domain.D("52000.5")
	const order, position, intent, command = "0f1e7a5c-5f0b-5a52-9df5-0d3f8a3b1c11", "BANK_NIFTY-17-Long_2", "BANK_NIFTY-exit-3", "cmd-1"
	settings := map[string]string{"risk.sizing_equity": "blended", "risk.max_margin_percent": "60"}
	less := map[string]string{"risk.max_margin_percent": "50"}
	return []domain.Event{
		&domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Demo: true, Settings: settings},
		&domain.LeaderEpochStarted{Epoch: 3, Instance: "a"},
		&domain.RecoveryCompleted{ReportDigest: "9f86d081", HeadRevision: 41, HeadHash: "60303ae2", Snapshot: "agreed",
			SnapshotRevision: some(uint64(40)), StateDigest: "d2a84f4b"},
		&domain.SettingsChanged{Before: settings, After: less, By: "configuration"},
		&domain.RiskLimitsChanged{By: "asha", Before: settings, After: less, ID: command},
		&domain.FormatRaised{To: 1, By: "asha"},
		&domain.TradingStateChanged{From: domain.Active, To: domain.Halted, Reason: "broker differs\n\"twice\"", By: "asha", ID: command},
		&domain.CapitalDeposited{Amount: domain.D("250000.75"), Note: "top-up ₹", By: "asha", ID: command},
		&domain.CapitalWithdrawn{Amount: domain.D("100000"), Note: "fees", By: "asha", ID: command},
		&domain.SignalReceived{SignalID: "s-1", ClientID: "c-1", Outcome: domain.OutcomeAccepted, ReceivedAt: noon, Content: "60303ae2",
			Flags: []string{"price: not a number"}, Signal: fullSignal(), Raw: `{"type":"EOD_MONITOR","note":"C:\\x"}`},
		&domain.SignalRejected{SignalID: "s-2", Reasons: []domain.Reason{{Code: "one_r", Details: map[string]string{"r": "350", "price": "52000.5"}}},
			FirstRevision: some(uint64(12)), Layer: "Long_2", Sizing: some(fullSizing()),
			Gates: []domain.Gate{{Code: domain.ReasonOneR, Value: domain.D("350"), Limit: domain.D("525")}}},
		&domain.BarClosed{Instrument: "BANK_NIFTY", Timestamp: noon, Price: price, ATR: domain.D("348.75"), Supertrend: domain.D("51600")},
		&domain.StopMoved{PositionID: position, From: domain.D("51475.125"), To: domain.D("51650"), Highest: price, Cause: domain.StopTrailed},
		&domain.ExitRequested{IntentID: intent, Instrument: "BANK_NIFTY", Contract: "BANKNIFTY25JANFUT", Cause: domain.CauseOperator,
			Claims: []domain.Claim{{PositionID: position, Layer: "Long_2", Lots: 4}}, Binds: []domain.OrderID{order}, HeldBack: true, RefPrice: &price,
			SignalID: "s-1", By: "asha", Reason: "risk", CommandID: command},
		&domain.ExitWithdrawn{IntentID: intent, By: "asha", Reason: "mistake", CommandID: command},
		&domain.OrderInitialized{OrderID: order, N: 7, Tag: "pmABCDEFGHIJKLMNOPQR", Kind: domain.EntryOrder, Broker: "paper", Instrument: "BANK_NIFTY",
			Exchange: "NFO", Contract: "BANKNIFTY25JANFUT", Side: "BUY", Type: "LIMIT", Product: "NRML", Lots: 4, LotSize: 30, Quantity: 120,
			LimitPrice: some(domain.D("52260.5")), RefPrice: price, PointValue: domain.D("30"), ExpiresAt: noon, SignalID: "s-1", IntentID: intent, Attempt: 1,
			Entry: fullEntry()},
		&domain.OrderSendStarted{OrderID: order, Attempt: 1, Epoch: 3, NotAfter: noon},
		&domain.OrderAccepted{OrderID: order, BrokerID: "P-1", Found: "tag"},
		&domain.OrderRejected{OrderID: order, Code: "margin", Text: "margin is short by 12,000"},
		&domain.OrderUnknown{OrderID: order, Cause: "timeout"},
		&domain.OrderNotAccepted{OrderID: order, Evidence: "two books"},
		&domain.OrderFilled{OrderID: order, LastQty: 1, LastPx: price, CumQty: 3, LeavesQty: 1, ExecID: "P-1-2", Fee: domain.D("31.2003"),
			PositionID: position + "-late1"},
		&domain.OrderCancelRequested{OrderID: order, Reason: "working too long"},
		&domain.OrderCanceled{OrderID: order, Reason: "asked for"},
		&domain.OrderExpired{OrderID: order, Reason: "not sent in time"},
		&domain.ClockStepped{From: noon, To: noon.Add(-time.Hour)},
		&domain.AlarmRaised{Code: "exit_attempts", Subject: intent, Details: map[string]string{"attempt": "3"}},
		&domain.BrokerDifferenceFound{ID: "d-1", Contract: "BANKNIFTY25JANFUT", Kind: "net", Details: map[string]string{"book": "120", "ours": "90"}},
		&domain.BrokerDifferenceAccepted{ID: "d-1", By: "asha", Reason: "bought by hand"},
	}
}
