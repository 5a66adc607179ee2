package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pm/domain"
)

var errDead = errors.New("the process is dead: restart it first")

// verbs are the commands of a story.
var verbs map[string]func(*world, command) error

func init() {
	verbs = map[string]func(*world, command) error{
		"signal": (*world).signal, "exit": (*world).signal, "bar": (*world).signal, "eod": (*world).signal,
		"exit-position": (*world).person, "close-all": (*world).person, "withdraw": (*world).person, "halt": (*world).person,
		"reduce": (*world).person, "resume": (*world).person, "deposit": (*world).person, "withdraw-money": (*world).person,
		"batch": (*world).open1, "}": (*world).close1, "advance": (*world).clockForward, "config": (*world).configure,
		"restart": (*world).restart, "open": (*world).openAgain, "broker": (*world).scriptBroker, "accept": (*world).person, "raise-format": (*world).raiseFormat, "limits": (*world).changeLimits, "clock-back": (*world).clockBack, "compare-books": (*world).compareBooks,
		"log": func(w *world, c command) error { return w.disk.script(c) }, "tamper": func(w *world, c command) error { return w.disk.tamper(c) },
		"show": (*world).show,
	}
}

// tell runs one command line.
func (w *world) tell(line string) error {
	c := parseCommand(line)
	do, ok := verbs[c.verb]
	if !ok {
		return fmt.Errorf("%q is no command", c.verb)
	}
	if err := do(w, c); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// open1 and close1 are the braces of a batch.
func (w *world) open1(c command) error {
	if w.inside || c.word(0) != "{" {
		return fmt.Errorf("a batch begins with: batch {")
	}
	w.inside = true
	return nil
}

func (w *world) close1(command) error {
	commands := w.batch
	w.batch, w.inside = nil, false
	return w.do("", commands...)
}

// take runs a command now, or keeps it for the batch that it stands in.
func (w *world) take(die crash, cmd domain.Command) error {
	if w.inside {
		w.batch = append(w.batch, cmd)
		return nil
	}
	return w.do(die, cmd)
}

const trader = "trader"

// person runs what a person asks for.
func (w *world) person(c command) error {
	now := w.clock()
	switch c.verb {
	case "exit-position":
		return w.take("", domain.ExitPosition{PositionID: domain.PositionID(c.word(0)), Reason: c.text(1), By: trader, Now: now})
	case "close-all":
		return w.take("", domain.CloseAll{Reason: c.text(0), By: trader, Now: now})
	case "withdraw":
		return w.take("", domain.WithdrawExit{IntentID: domain.IntentID(c.word(0)), Reason: c.text(1), By: trader, Now: now})
	case "accept":
		return w.take("", domain.AcceptDifference{DifferenceID: c.word(0), Reason: c.text(1), By: trader, Now: now})
	case "deposit", "withdraw-money":
		return w.take("", domain.MoveCapital{Withdraw: c.verb != "deposit", Amount: domain.D(c.word(0)), By: trader, Now: now})
	}
	to := map[string]domain.TradingMode{"halt": domain.Halted, "reduce": domain.Reducing, "resume": domain.Active}[c.verb]
	return w.take("", domain.SetTrading{To: to, Reason: c.text(0), By: trader, Now: now})
}

func (w *world) raiseFormat(c command) error {
	to, err := strconv.Atoi(c.word(0))
	if err != nil {
		return err
	}
	return w.take("", domain.RaiseFormat{To: to, By: trader, Now: w.clock()})
}

func (w *world) changeLimits(c command) error {
	return w.take("", domain.ChangeLimits{Limits: c.value, By: trader, Now: w.clock()})
}

// clockBack is what a service records when it sees that the wall clock went back. The story's own clock goes on.
func (w *world) clockBack(c command) error {
	span, err := time.ParseDuration(c.word(0))
	if err != nil {
		return err
	}
	return w.take("", domain.StepClock{From: w.clock(), To: w.clock().Add(-span), Now: w.clock()})
}

func (w *world) clockForward(c command) error {
	span, err := time.ParseDuration(c.word(0))
	if err != nil {
		return err
	}
	return w.advance(span)
}

func (w *world) configure(c command) error {
	for key, value := range c.value {
		if value == "" {
			delete(w.settings, key)
			continue
		}
		w.settings[key] = value
	}
	return nil
}

// restart ends the process and starts the next one. A start that fails leaves it dead.
func (w *world) restart(command) error {
	if err := w.kill(); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		w.say("not started: %s", strings.ReplaceAll(err.Error(), w.market.dir, "FOLDER"))
		return w.kill()
	}
	return nil
}

func (w *world) openAgain(c command) error {
	if w.engine == nil {
		return errDead
	}
	if err := w.open(c.value["capital"]); err != nil {
		w.say("-> refused: %v", err)
		return w.observe()
	}
	return fmt.Errorf("an open portfolio was opened again")
}

func (w *world) scriptBroker(c command) error {
	if c.word(0) != "late-fill" {
		return w.market.script(c)
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(c.word(1), "#"), 10, 64)
	if err != nil {
		return err
	}
	lots, err := strconv.Atoi(c.word(2))
	if err != nil {
		return err
	}
	o := w.shadow.Recent.Order(domain.NewOrderID(portfolio, n))
	if o == nil {
		return fmt.Errorf("order #%d is not done", n)
	}
	w.market.lateFill(o, lots)
	return nil
}

// compareBooks reports what the broker's book has of orders that are done, as the service's own comparison does, and calls a person
// for orders that are not ours.
func (w *world) compareBooks(command) error {
	if w.engine == nil {
		return errDead
	}
	positions := domain.ReportPositions{Busy: map[string]bool{}, Orders: w.engine.State().OrderCount}
	for _, o := range w.engine.State().OpenOrders() {
		positions.Busy[o.Contract] = true
	}
	book, err := w.market.Book(w.ctx)
	if err != nil {
		return err
	}
	tags := w.engine.State().OrderTags()
	var commands []domain.Command
	for _, b := range book.Orders {
		o := tags[b.Tag]
		if o == nil {
			commands = append(commands, domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: b.BrokerID, Now: w.clock()})
			continue
		}
		if o.State != domain.Done || b.Filled() <= o.Cum*o.LotSize {
			continue
		}
		report := domain.ReportOrder{OrderID: o.OrderID, BrokerID: b.BrokerID, Now: w.clock()}
		for _, f := range b.Fills {
			report.Fills = append(report.Fills, domain.Fill{ExecID: f.ExecID, Units: f.Quantity, Price: f.Price, Fee: f.Fee})
		}
		commands = append(commands, report)
	}
	if err := w.do("", commands...); err != nil || w.engine == nil {
		return err
	}
	positions.Net, positions.Now = book.Net, w.clock()
	return w.do("", positions)
}
