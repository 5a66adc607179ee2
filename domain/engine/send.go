package engine

import (
	"context"
	"errors"
	"time"

	"pm/domain"
)

// send is the one way out: mark, fence, one attempt, report. The mark is durable before a byte leaves; the fence is looked at just
// before; the attempt is never repeated, here or below.
func (w *effects) send(ctx context.Context, o *domain.Order) {
	// A stop of the process lets a send that has begun come to its report: the writer stops after the effects.
	ctx = context.WithoutCancel(ctx)
	asked, now := w.e.o.Uptime(), w.e.now()
	results, err := w.do(ctx, domain.BeginSend{OrderID: o.OrderID, Now: now})
	if err != nil {
		return // the writer has stopped; the next start finds what was recorded
	}
	if results[0].Err != nil {
		if !errors.Is(results[0].Err, domain.ErrNotDue) {
			w.warn("send not begun", o.OrderID, results[0].Err)
		}
		w.rest(o.OrderID, idleWait)
		return
	}
	started, ok := results[0].Events[0].Event.(*domain.OrderSendStarted)
	if !ok {
		return
	}
	// The window is counted from before the mark was asked for, on a clock that does not step and runs on during suspend.
	closes := asked + started.NotAfter.Sub(now)
	w.mu.Lock()
	w.closes[o.OrderID] = closes
	w.mu.Unlock()
	answer := w.attempt(ctx, o, closes)
	report := domain.ReportSent{
		OrderID: o.OrderID, Accepted: answer.Kind == Accepted, Refused: answer.Kind == Refused, BrokerID: answer.BrokerID,
		Code: answer.Code, Text: answer.Text, Now: w.e.now(),
	}
	if _, err := w.do(ctx, report); err != nil {
		return // durable as sending: the next start makes it unknown and asks the book
	}
	if report.Accepted {
		accepted := *o
		accepted.State, accepted.BrokerID = domain.Working, answer.BrokerID
		w.poll(ctx, &accepted)
	}
}

// attempt asks the broker once, unless the window has closed: that is a proof that nothing was sent.
func (w *effects) attempt(ctx context.Context, o *domain.Order, closes time.Duration) Answer {
	if w.e.o.Uptime() >= closes {
		return Answer{Kind: Refused, Code: "window_closed", Text: "the send window closed before the request was written"}
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return w.e.o.Broker.Send(call, brokerOrder(o))
}

func brokerOrder(o *domain.Order) Order {
	return Order{
		Tag: o.Tag, Exchange: o.Exchange, Contract: o.Contract, Side: o.Side, Type: o.Type, Product: o.Product, Quantity: o.Quantity,
		LotSize: o.LotSize, LimitPrice: o.LimitPrice, RefPrice: o.RefPrice, PointValue: o.PointValue,
	}
}

// poll reads one order and reports what is new; an order whose end was asked for is asked for again until it is known.
func (w *effects) poll(ctx context.Context, o *domain.Order) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if o.State == domain.Canceling && w.cancelDue(o.OrderID) {
		if err := w.e.o.Broker.Cancel(call, o.BrokerID); err != nil {
			w.warn("cancel not taken", o.OrderID, err)
		}
	}
	w.rest(o.OrderID, w.e.o.Broker.Traits().Poll)
	seen, err := w.e.o.Broker.Order(call, o.BrokerID)
	if err != nil {
		w.warn("order not readable", o.OrderID, err)
		return
	}
	if news(o, seen) {
		w.reportOrder(ctx, o.OrderID, seen, "")
	}
}

func (w *effects) cancelDue(id domain.OrderID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.e.o.Uptime()
	if at, asked := w.cancelAt[id]; asked && now < at {
		return false
	}
	w.cancelAt[id] = now + resolveWait
	return true
}

// news says whether the book knows more of the order than we do.
func news(o *domain.Order, seen BookOrder) bool {
	return seen.Filled() > o.Cum*o.LotSize || o.State != domain.Done && (seen.Status == BookCanceled || seen.Status == BookRejected)
}

func (w *effects) reportOrder(ctx context.Context, id domain.OrderID, seen BookOrder, found string) {
	report := domain.ReportOrder{
		OrderID: id, BrokerID: seen.BrokerID, Found: found, Canceled: seen.Status == BookCanceled, Rejected: seen.Status == BookRejected,
		Text: seen.Text, Now: w.e.now(),
	}
	for _, f := range seen.Fills {
		report.Fills = append(report.Fills, domain.Fill{ExecID: f.ExecID, Units: f.Quantity, Price: f.Price, Fee: f.Fee})
	}
	results, err := w.do(ctx, report)
	if err == nil && results[0].Err != nil {
		w.warn("report not taken", id, results[0].Err)
	}
}
