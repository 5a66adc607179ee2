package projections

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pm/domain"
)

// exchangeZone is what the chart of an Indian trader shows.
var exchangeZone = time.FixedZone("IST", 5*3600+1800)

// short writes a figure for reading: at most four digits after the point; the figures beside it are exact.
func short(d *domain.Decimal) string {
	if d == nil {
		return "–"
	}
	return d.RoundBank(4).String()
}

func lotWords(n int) string {
	if n == 1 {
		return "1 lot"
	}
	return fmt.Sprintf("%d lots", n)
}

// limiterWords say what decided how many lots an entry gets.
var limiterWords = map[string]string{
	domain.LimiterRisk: "risk", domain.LimiterMargin: "margin", domain.LimiterDiscipline: "discipline", domain.LimiterRiskBudget: "the risk budget",
	domain.LimiterInvalidRisk: "a stop that is not below the price", domain.LimiterSender: "what the sender asked for",
}

// LimiterWords is a limiter as one would say it, behind "limited by". A code that this build does not know stands for itself.
func LimiterWords(code string) string { return said(limiterWords[code], code) }

func said(words, code string) string {
	if words == "" {
		return code
	}
	return words
}

// sizeWords says how many lots, which rule limited them, and what each rule allowed.
func sizeWords(s *domain.Sizing) string {
	head := fmt.Sprintf("Size: %s, limited by %s.", lotWords(s.Lots), LimiterWords(s.Limiter))
	var parts []string
	if s.LotsDiscipline != nil || s.LotsRiskBudget != nil {
		parts = append(parts,
			fmt.Sprintf("margin allows %s (%s available / %s a lot)", short(s.LotsMargin), short(s.AvailableMargin), short(s.MarginPerLot)),
			fmt.Sprintf("discipline allows %s (base lots %s halved for each pyramid, %s before)", short(s.LotsDiscipline), count(s.BaseLots), count(s.Pyramids)),
			fmt.Sprintf("the risk budget allows %s (half of the profit %s / ((%s − %s) × %s))", short(s.LotsRiskBudget), short(s.Profit), short(s.Price), short(s.Stop), short(s.PointValue)))
	} else if s.LotsRisk != nil {
		parts = append(parts,
			fmt.Sprintf("risk allows %s (%s %% of %s / ((%s − %s) × %s) × ER %s)", short(s.LotsRisk), short(s.RiskPercent), short(s.Equity), short(s.Price), short(s.Stop), short(s.PointValue), short(s.ER)),
			fmt.Sprintf("margin allows %s (%s available / %s a lot)", short(s.LotsMargin), short(s.AvailableMargin), short(s.MarginPerLot)))
	}
	if s.LotsVolatility != nil {
		parts = append(parts, fmt.Sprintf("volatility would allow %s (reported, no limit)", short(s.LotsVolatility)))
	}
	if len(parts) == 0 {
		return head
	}
	return head + " " + strings.Join(parts, "; ") + "."
}

func count(n *int) string {
	if n == nil {
		return "–"
	}
	return fmt.Sprint(*n)
}

// gateNames says what a gate compares.
var gateNames = map[domain.ReasonCode]string{
	domain.ReasonOneR: "move above the base entry against one R, points", domain.ReasonSpacing: "distance to the last layer, ATR",
	domain.ReasonPortfolioRisk: "portfolio risk with the new lots, % of equity", domain.ReasonPortfolioVolatility: "portfolio volatility with the new lots, % of equity",
	domain.ReasonProfit: "profit of the open layers, rupees", domain.ReasonMaxPyramids: "pyramids so far", domain.ReasonPriceDivergence: "distance to the broker's quote, %",
}

func gateWords(g GateView) string {
	name := gateNames[domain.ReasonCode(g.Code)]
	if name == "" {
		name = g.Code
	}
	verdict := "passed"
	if !g.Passed {
		verdict = "refused"
	}
	return fmt.Sprintf("Gate %s %s: %s %s, limit %s.", g.Code, verdict, name, short(&g.Value), short(&g.Limit))
}

const uncheckedWords = "The price was unchecked: there was no quote of the broker."

func moneyWords(m *Money) string {
	if m.LotsSold == 0 {
		return fmt.Sprintf("%s: %s bought at %s, none sold; fees %s, unrealized %s.", m.PositionID, lotWords(m.LotsBought), short(m.Entry), m.Fees, m.Unrealized)
	}
	return fmt.Sprintf("%s: (%s − %s) × %s × %s = %s gross, less fees %s = %s net; unrealized %s.",
		m.PositionID, short(m.Exit), short(m.Entry), lotWords(m.LotsSold), m.PointValue, m.Gross, m.Fees, m.Net, m.Unrealized)
}

// sentence says what an event means.
func sentence(event domain.Event, orders map[domain.OrderID]*domain.OrderInitialized) string {
	switch e := event.(type) {
	case *domain.SignalReceived:
		return signalWords(e)
	case *domain.SignalRejected:
		return "Refused: " + reasonWords(e.Reasons)
	case *domain.BarClosed:
		return fmt.Sprintf("Bar of %s closed at %s, ATR %s.", e.Instrument, e.Price, e.ATR)
	case *domain.StopMoved:
		return fmt.Sprintf("Stop of %s moved from %s to %s: it trails the highest price, %s.", e.PositionID, e.From, e.To, e.Highest)
	case *domain.ExitRequested:
		return exitWords(e)
	case *domain.ExitWithdrawn:
		return fmt.Sprintf("Exit %s withdrawn by %s: %s.", e.IntentID, e.By, e.Reason)
	case *domain.AlarmRaised:
		return "Alarm: " + domain.Alarms[e.Code]
	}
	return orderSentence(event, orders)
}

func signalWords(e *domain.SignalReceived) string {
	out := fmt.Sprintf("Signal %s %s", e.Signal.Type, e.Signal.Instrument)
	if len(e.Signal.Position) > 0 { // a bar has none
		out += " " + strings.Join(e.Signal.Position, "+")
	}
	for _, f := range []struct {
		name  string
		value *domain.Decimal
	}{{"price", e.Signal.Price}, {"stop", e.Signal.Stop}, {"ATR", e.Signal.ATR}, {"ER", e.Signal.ER}} {
		if f.value != nil {
			out += fmt.Sprintf(", %s %s", f.name, f.value)
		}
	}
	return out + ": " + e.Outcome + "."
}

func reasonWords(reasons []domain.Reason) string {
	var out []string
	for _, r := range reasons {
		text := fmt.Sprintf("%s (%s", r.Code.Sentence(), r.Code)
		var names []string
		for name := range r.Details {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			text += ", " + name + " " + r.Details[name]
		}
		out = append(out, text+")")
	}
	return strings.Join(out, " ")
}

// causeWords says why lots leave.
var causeWords = map[domain.ExitCause]string{
	domain.CauseSignal: "the chart said so", domain.CauseStopHit: "the price fell below the stop", domain.CauseEOD: "the end-of-day check said so",
	domain.CausePeelOff: "risk or volatility had grown beyond its ongoing limit", domain.CauseOperator: "a person asked", domain.CauseCloseAll: "a person closed everything",
	domain.CauseLateFill: "an order that was done had filled",
}

// CauseWords says why lots leave, behind "because"; "" of a position that nothing has left. A code that this build does not know stands for
// itself.
func CauseWords(code string) string { return said(causeWords[domain.ExitCause(code)], code) }

func exitWords(e *domain.ExitRequested) string {
	var claims []string
	for _, c := range e.Claims {
		if c.Lots == 0 && !e.HeldBack {
			claims = append(claims, fmt.Sprintf("what the order under way leaves unsold of %s", c.PositionID))
			continue
		}
		claims = append(claims, fmt.Sprintf("%s of %s", lotWords(c.Lots), c.PositionID))
	}
	out := fmt.Sprintf("Exit %s asked for, because %s", e.IntentID, CauseWords(string(e.Cause)))
	if len(claims) > 0 {
		out += ": " + strings.Join(claims, ", ")
	}
	if e.By != "" {
		out += fmt.Sprintf("; by %s: %s", e.By, e.Reason)
	}
	if e.HeldBack {
		out += "; held back, because the portfolio is halted"
	}
	return out + "."
}

func orderSentence(event domain.Event, orders map[domain.OrderID]*domain.OrderInitialized) string {
	switch e := event.(type) {
	case *domain.OrderInitialized:
		price := "at the market"
		if e.LimitPrice != nil {
			price = "at " + e.LimitPrice.String() + " or better"
		}
		return fmt.Sprintf("Order decided: %s %s of %s %s.", e.Side, lotWords(e.Lots), e.Contract, price)
	case *domain.OrderSendStarted:
		return "Order about to be sent; this mark is on disk before the first byte leaves."
	case *domain.OrderAccepted:
		return fmt.Sprintf("The broker took the order as %s.", e.BrokerID)
	case *domain.OrderRejected:
		return fmt.Sprintf("The broker refused the order: %s %s.", e.Code, e.Text)
	case *domain.OrderUnknown:
		return fmt.Sprintf("Nobody knows whether the broker took the order (%s); it is not sent again, the broker's book decides.", e.Cause)
	case *domain.OrderNotAccepted:
		return fmt.Sprintf("The broker's book proves that it never had the order: %s.", e.Evidence)
	case *domain.OrderFilled:
		side := "Filled"
		if o := orders[e.OrderID]; o != nil {
			side = map[string]string{"BUY": "Bought", "SELL": "Sold"}[o.Side]
		}
		return fmt.Sprintf("%s %s at %s, fee %s; %d to go.", side, lotWords(e.LastQty), e.LastPx, e.Fee, e.LeavesQty)
	case *domain.OrderCancelRequested:
		return fmt.Sprintf("The broker is asked to cancel the order: %s.", e.Reason)
	case *domain.OrderCanceled:
		return fmt.Sprintf("Order cancelled: %s.", e.Reason)
	case *domain.OrderExpired:
		return fmt.Sprintf("Order expired before it was sent: %s.", e.Reason)
	}
	return portfolioSentence(event)
}

// portfolioSentence is that of an event that is about no single signal, order or layer and stands in the chain of one all the same.
func portfolioSentence(event domain.Event) string {
	switch e := event.(type) {
	case *domain.PortfolioOpened:
		return fmt.Sprintf("Portfolio %s opened with %s %s.", e.ID, e.InitialCapital, e.Currency)
	case *domain.LeaderEpochStarted:
		return fmt.Sprintf("Instance %s leads from here on, epoch %d.", e.Instance, e.Epoch)
	case *domain.RecoveryCompleted:
		return fmt.Sprintf("A start had read the log up to revision %d.", e.HeadRevision)
	case *domain.SettingsChanged:
		return "The configuration changed: " + settingWords(e.Before, e.After) + "."
	case *domain.RiskLimitsChanged:
		return fmt.Sprintf("Limits changed by %s: %s.", e.By, settingWords(e.Before, e.After))
	case *domain.FormatRaised:
		return fmt.Sprintf("Log format %d allowed by %s.", e.To, e.By)
	case *domain.TradingStateChanged:
		return fmt.Sprintf("The portfolio went from %s to %s, by %s: %s.", e.From, e.To, e.By, e.Reason)
	case *domain.CapitalDeposited:
		return fmt.Sprintf("%s deposited by %s.", e.Amount, e.By)
	case *domain.CapitalWithdrawn:
		return fmt.Sprintf("%s withdrawn by %s.", e.Amount, e.By)
	case *domain.ClockStepped:
		return fmt.Sprintf("The clock of the machine went back by %s.", e.From.Sub(e.To))
	case *domain.BrokerDifferenceFound:
		return fmt.Sprintf("The broker's book differs from the log in %s (%s).", e.Contract, e.Kind)
	case *domain.BrokerDifferenceAccepted:
		return fmt.Sprintf("Difference %s accepted by %s: %s.", e.ID, e.By, e.Reason)
	}
	return event.EventType() + "."
}

// settingWords lists the settings that have another value now, by name.
func settingWords(before, after map[string]string) string {
	var out []string
	for name, value := range after {
		out = append(out, name+" is "+value)
	}
	for name := range before {
		if _, has := after[name]; !has {
			out = append(out, name+" is gone")
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
