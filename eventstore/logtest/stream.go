package logtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// Stream makes a long log with the mix and the sizes of events of a trading day, for measurements of the log itself: a base
// entry, many bars that lift its stop, a refused pyramid, an exit, and again. Its events are sound one by one; nobody decided them.
type Stream struct {
	sealer *eventstore.Sealer
	at     time.Time
	step   int
	orders uint64
	cause  domain.EventID
}

// barsPerTrade is how many bars the stream has between an entry and its exit.
const barsPerTrade = 20

// NewStream begins an empty log.
func NewStream() *Stream {
	return &Stream{sealer: eventstore.NewSealer(eventstore.Empty(Portfolio), time.Time{}, author), at: start}
}

// Head is the end of the stream so far.
func (s *Stream) Head() eventstore.Head { return s.sealer.Head() }

// Next makes at least n more records.
func (s *Stream) Next(t testing.TB, n int) []eventstore.Record {
	t.Helper()
	var recs []eventstore.Record
	for len(recs) < n {
		for _, e := range s.events() {
			s.at = s.at.Add(1234567 * time.Nanosecond)
			rec, got, err := s.sealer.Seal(eventstore.Draft{Event: e, At: s.at, Corr: s.cause, Cause: s.cause})
			require.NoError(t, err)
			if s.cause == "" {
				s.cause = got.ID
			}
			recs = append(recs, rec)
		}
		s.step++
	}
	return recs
}

// events is what one signal leads to.
func (s *Stream) events() []domain.Event {
	s.cause = ""
	switch phase := s.step % (barsPerTrade + 3); phase {
	case 0:
		return append([]domain.Event{s.signal(domain.BaseEntry, []string{"Long_1"})}, s.order(domain.EntryOrder)...)
	case barsPerTrade + 1:
		sig := s.signal(domain.Pyramid, []string{"Long_2"})
		sig.Outcome = domain.OutcomeRejected
		return []domain.Event{sig, &domain.SignalRejected{SignalID: sig.SignalID, Layer: "Long_2", Reasons: []domain.Reason{
			{Code: "one_r", Details: map[string]string{"price": "52120.5", "entry": "52000.5", "r": "350"}}, {Code: "profit"},
		}}}
	case barsPerTrade + 2:
		intent := domain.NewIntentID("BANK_NIFTY", s.orders)
		sig := s.signal(domain.Exit, []string{domain.AllLayers})
		claim := domain.Claim{PositionID: s.position(), Layer: "Long_1", Lots: 4}
		exit := &domain.ExitRequested{IntentID: intent, Instrument: "BANK_NIFTY", Contract: "BANKNIFTY25JANFUT", Cause: domain.CauseSignal,
			Claims: []domain.Claim{claim}, SignalID: sig.SignalID}
		return append([]domain.Event{sig, exit}, s.order(domain.ExitOrder)...)
	default:
		price := s.price(phase)
		return []domain.Event{
			s.signal(domain.MarketData, nil),
			&domain.BarClosed{Instrument: "BANK_NIFTY", Timestamp: s.at, Price: price, ATR: domain.D("348.75"), Supertrend: domain.D("51650.05")},
			&domain.StopMoved{PositionID: s.position(), From: s.price(phase - 1), To: price, Highest: price, Cause: domain.StopTrailed},
		}
	}
}

func (s *Stream) position() domain.PositionID {
	return domain.NewPositionID("BANK_NIFTY", 1+s.step/(barsPerTrade+3), 1)
}

func (s *Stream) price(phase int) domain.Decimal {
	return domain.D(fmt.Sprintf("%d.%02d", 52000+phase*17, 5*(s.step%20)))
}

// signal is a received signal with the body as the chart sent it.
func (s *Stream) signal(kind domain.SignalType, position []string) *domain.SignalReceived {
	price, atr, er, stop := s.price(s.step%20), domain.D("350.25"), domain.D("0.82"), domain.D("51650.05")
	raw := fmt.Sprintf(`{"type":"%s","instrument":"BANK_NIFTY","timestamp":"%s","position":"Long_1","price":%s,"stop":51650.05,"atr":350.25,"er":0.82,"supertrend":51650.05,"lots":4}`,
		kind, s.at.Format(time.RFC3339), price)
	sig := domain.Signal{Type: kind, Instrument: "BANK_NIFTY", Timestamp: s.at.Truncate(time.Second), Position: position, Price: &price, ATR: &atr, Supertrend: &stop}
	if kind == domain.BaseEntry || kind == domain.Pyramid {
		sig.Stop, sig.ER = &stop, &er
	}
	return &domain.SignalReceived{SignalID: domain.DerivedSignalID(&sig), Outcome: domain.OutcomeAccepted, ReceivedAt: s.at,
		Content: eventstore.HashOf(nil, []byte(raw)).String(), Signal: sig, Raw: raw}
}

// order is the life of an order that fills at once.
func (s *Stream) order(kind domain.OrderKind) []domain.Event {
	id := domain.NewOrderID(Portfolio, s.orders)
	price, fee := s.price(0), domain.D("31.2003")
	init := &domain.OrderInitialized{
		OrderID: id, N: s.orders, Tag: id.Tag(), Kind: kind, Broker: "paper", Instrument: "BANK_NIFTY", Exchange: "NFO", Contract: "BANKNIFTY25JANFUT",
		Side: "BUY", Type: "LIMIT", Product: "NRML", Lots: 4, LotSize: 30, Quantity: 120, LimitPrice: &price, RefPrice: price, PointValue: domain.D("30"), ExpiresAt: s.at.Add(time.Minute),
	}
	if kind == domain.EntryOrder {
		init.Entry = s.entry(price)
	}
	s.orders++
	return []domain.Event{
		init, &domain.OrderSendStarted{OrderID: id, Attempt: 1, Epoch: 1, NotAfter: s.at.Add(5 * time.Second)},
		&domain.OrderAccepted{OrderID: id, BrokerID: fmt.Sprintf("P-%d", s.orders)},
		&domain.OrderFilled{OrderID: id, LastQty: 4, LastPx: price, CumQty: 4, ExecID: fmt.Sprintf("P-%d-1", s.orders), Fee: fee},
	}
}

func (s *Stream) entry(price domain.Decimal) *domain.Entry {
	stop, equity, lots := domain.D("51650.05"), domain.D("5000000"), domain.D("4.085714285714")
	return &domain.Entry{
		PositionID: s.position(), Campaign: 1 + s.step/(barsPerTrade+3), Layer: 1, SignalTime: s.at, SignalPrice: price, SignalStop: stop,
		InitialStop: stop, ATR: domain.D("350.25"), MarginPerLot: domain.D("270000"), TrailingATR: domain.D("2.5"),
		Sizing: domain.Sizing{Mode: "own", Lots: 4, Limiter: "risk", EquityMode: "blended", Equity: &equity, Price: &price, Stop: &stop, LotsRisk: &lots, LotsMargin: &lots},
		Gates:  []domain.Gate{{Code: "portfolio_risk", Value: domain.D("0.84"), Limit: domain.D("15")}},
	}
}
