package domain_test

import (
	"fmt"
	"strings"
	"time"

	"pm/domain"
)

// The steps of stories: signals as JSON through the real parser, and a broker that does what the step says.

func wait(d time.Duration) step { return func(st *story) { st.now = st.now.Add(d) } }

// send submits a webhook body; ${now} stands for the story's time.
func send(body string) step {
	return func(st *story) {
		st.t.Helper()
		body := strings.ReplaceAll(body, "${now}", st.now.Format(time.RFC3339Nano))
		sub, _, problems := domain.ParseSignal([]byte(body), st.now)
		if len(problems) > 0 {
			st.t.Fatalf("form errors %v in %s", problems, body)
		}
		st.do(domain.SubmitSignal{Submission: sub, Now: st.now})
	}
}

func entry(kind, instrument, layer, price, stop, atr, extra string) step {
	return send(fmt.Sprintf(`{"type":%q,"instrument":%q,"position":%q,"timestamp":"${now}","price":%s,"stop":%s,"atr":%s,"er":1,"supertrend":%s%s}`,
		kind, instrument, layer, price, stop, atr, stop, extra))
}

// base is a BASE_ENTRY in BANK_NIFTY with ATR 350 and stop 350 points below: 4 lots by risk of a fresh portfolio.
func base(price string) step {
	return entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", price, minus(price, "350"), "350", "")
}

func pyramid(layer, price string) step {
	return entry("PYRAMID", "BANK_NIFTY", layer, price, minus(price, "350"), "350", "")
}

func bar(instrument, price, atr string) step {
	return send(fmt.Sprintf(`{"type":"MARKET_DATA","instrument":%q,"timestamp":"${now}","price":%s,"atr":%s,"supertrend":1}`, instrument, price, atr))
}

func exit(instrument, position, extra string) step {
	if !strings.HasPrefix(position, "[") {
		position = `"` + position + `"`
	}
	return send(fmt.Sprintf(`{"type":"EXIT","instrument":%q,"position":%s,"timestamp":"${now}"%s}`, instrument, position, extra))
}

func minus(a, b string) string { return domain.D(a).Sub(domain.D(b)).String() }

// order is the nth order of the story, from 0.
func (st *story) order(n int) domain.OrderID { return domain.NewOrderID(testPortfolio, uint64(n)) }

func begin(n int) step {
	return func(st *story) { st.do(domain.BeginSend{OrderID: st.order(n), Now: st.now}) }
}

func sent(n int, c domain.ReportSent) step {
	return func(st *story) {
		c.OrderID, c.Now = st.order(n), st.now
		st.do(c)
	}
}

func accepted(n int) step {
	return func(st *story) {
		begin(n)(st)
		sent(n, domain.ReportSent{Accepted: true, BrokerID: fmt.Sprintf("B%d", n)})(st)
	}
}

func unknown(n int) step {
	return func(st *story) {
		begin(n)(st)
		sent(n, domain.ReportSent{Code: "timeout"})(st)
	}
}

func rejected(n int) step {
	return func(st *story) {
		begin(n)(st)
		sent(n, domain.ReportSent{Refused: true, Code: "margin", Text: "not enough margin"})(st)
	}
}

// booked reports what the broker's book says: fills as "lots@price", cumulative from the order's first.
func booked(n int, end string, lotSize int, fills ...string) step {
	return func(st *story) {
		c := domain.ReportOrder{OrderID: st.order(n), BrokerID: fmt.Sprintf("B%d", n), Found: "tag", Now: st.now,
			Canceled: end == "canceled", Rejected: end == "rejected"}
		for i, f := range fills {
			var lots int
			var price string
			if _, err := fmt.Sscanf(f, "%d@%s", &lots, &price); err != nil {
				st.t.Fatal(err)
			}
			c.Fills = append(c.Fills, domain.Fill{ExecID: fmt.Sprintf("E%d-%d", n, i), Units: lots * lotSize, Price: domain.D(price)})
		}
		st.do(c)
	}
}

// filled takes the nth order of BANK_NIFTY through acceptance to a full fill.
func filled(n int, fill string) step {
	return func(st *story) {
		accepted(n)(st)
		booked(n, "", 30, fill)(st)
	}
}

func command(c func(st *story) domain.Command) step { return func(st *story) { st.do(c(st)) } }

func trading(to domain.TradingMode) step {
	return command(func(st *story) domain.Command {
		return domain.SetTrading{To: to, Reason: "test", By: "asha", Now: st.now}
	})
}

func configured(key, value string) step {
	return command(func(st *story) domain.Command {
		flat := map[string]string{}
		for k, v := range st.state.Configured {
			flat[k] = v
		}
		flat[key] = value
		return domain.Configure{Settings: flat, Now: st.now}
	})
}

// broken lists what is wrong with a state by the invariants of the life cycle.
func broken(s *domain.State) (out []string) {
	leaving := map[domain.PositionID]int{}
	for _, i := range s.StandingIntents() {
		for _, c := range i.Claims {
			leaving[c.PositionID] += c.Lots
		}
	}
	entries := map[string]int{}
	unknown := map[string]bool{}
	for _, o := range s.OpenOrders() {
		if o.Kind == domain.EntryOrder {
			entries[o.Instrument]++
		}
		unknown[o.Instrument] = unknown[o.Instrument] || o.State == domain.UnknownSent
	}
	for name, n := range entries {
		if n > 1 {
			out = append(out, fmt.Sprintf("L3: %d entries in flight in %s", n, name))
		}
	}
	for _, l := range s.Layers() {
		switch {
		case l.Leaving < 0 || l.Leaving > l.Lots:
			out = append(out, fmt.Sprintf("L1: %s holds %d, %d leaving", l.PositionID, l.Lots, l.Leaving))
		case l.Leaving != leaving[l.PositionID]:
			out = append(out, fmt.Sprintf("L1: %s has %d leaving, intents claim %d", l.PositionID, l.Leaving, leaving[l.PositionID]))
		case l.Bought != l.Lots+l.Sold:
			out = append(out, fmt.Sprintf("L2: %s bought %d, holds %d, sold %d", l.PositionID, l.Bought, l.Lots, l.Sold))
		}
	}
	for _, i := range s.StandingIntents() {
		if !i.HeldBack && i.Lots() == 0 && i.Order == "" && len(i.Binds) == 0 {
			out = append(out, fmt.Sprintf("L4: intent %s stands for nothing", i.ID))
		}
	}
	f := s.Figures()
	if len(s.OpenOrders()) == 0 && len(s.Layers()) == 0 && (!f.Risk.IsZero() || !f.Volatility.IsZero() || !f.Margin.IsZero()) {
		out = append(out, fmt.Sprintf("L7: nothing is held or in flight and risk %s, volatility %s, margin %s are reserved", f.Risk, f.Volatility, f.Margin))
	}
	return out
}
