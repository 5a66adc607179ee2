package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
)

// crash ends the process from within a call to the broker.
type crash string

// The moments at which a process can be made to die.
const (
	afterSignal crash = "after-signal"
	beforeSend  crash = "before-send"
	afterMark   crash = "after-mark"
	afterSend   crash = "after-send"
)

// market is the paper broker as a story scripts it: its faults, its silence, and fills that come after the end of an order.
type market struct {
	dir   string
	clock func() time.Time
	opts  paper.Options
	next  []paper.Fault // of the next sends
	down  bool
	die   crash
	late  map[string][]engine.BookFill // by the broker's id
	hand  map[string]int               // units that a person holds beside us, by contract
	paper *paper.Broker
}

var errDown = errors.New("the broker does not answer")

func newMarket(dir string, clock func() time.Time) *market {
	m := &market{dir: dir, clock: clock, late: map[string][]engine.BookFill{}, hand: map[string]int{}}
	m.opts.Now, m.opts.Fault = clock, m.fault
	return m
}

// open opens the book: anew after a restart or with other options.
func (m *market) open() (err error) {
	m.paper, err = paper.Open(m.dir, m.opts)
	return err
}

func (m *market) close() error {
	if m.paper == nil {
		return nil
	}
	err := m.paper.Close()
	m.paper = nil
	return err
}

func (m *market) fault(int64, engine.Order) paper.Fault {
	if len(m.next) == 0 {
		return paper.NoFault
	}
	f := m.next[0]
	m.next = m.next[1:]
	return f
}

// Name is the paper broker's.
func (m *market) Name() string { return m.paper.Name() }

// Traits are the paper broker's.
func (m *market) Traits() engine.Traits { return m.paper.Traits() }

// Send lets the process die before or after the order was taken.
func (m *market) Send(ctx context.Context, o engine.Order) engine.Answer {
	if m.die == afterMark {
		panic(afterMark)
	}
	if m.down {
		return engine.Answer{Kind: engine.Unknown, Code: "timeout", Text: errDown.Error()}
	}
	answer := m.paper.Send(ctx, o)
	if m.die == afterSend {
		panic(afterSend)
	}
	return answer
}

// Cancel is the paper broker's, if it answers.
func (m *market) Cancel(ctx context.Context, id string) error {
	if m.down {
		return errDown
	}
	return m.paper.Cancel(ctx, id)
}

// Order shows late fills behind those of the paper broker.
func (m *market) Order(ctx context.Context, id string) (engine.BookOrder, error) {
	if m.down {
		return engine.BookOrder{}, errDown
	}
	o, err := m.paper.Order(ctx, id)
	o.Fills = append(o.Fills, m.late[o.BrokerID]...)
	return o, err
}

// Book shows late fills too.
func (m *market) Book(ctx context.Context) (engine.Book, error) {
	if m.down {
		return engine.Book{}, errDown
	}
	book, err := m.paper.Book(ctx)
	for contract, units := range m.hand {
		book.Net[contract] += units
	}
	for i := range book.Orders {
		o := &book.Orders[i]
		o.Fills = append(o.Fills, m.late[o.BrokerID]...)
		for _, f := range m.late[o.BrokerID] {
			book.Net[o.Contract] += sign(o.Side) * f.Quantity
		}
	}
	return book, err
}

func sign(side string) int {
	if side == domain.Sell {
		return -1
	}
	return 1
}

// faults are the words of "broker next".
var faults = map[string]paper.Fault{
	"ok": paper.NoFault, "reject": paper.Reject, "lose-answer": paper.LoseAnswer, "drop": paper.Drop, "reject-later": paper.RejectLater,
	"cancel-rest": paper.CancelRest,
}

// script does one "broker" command.
func (m *market) script(c command) error {
	switch c.word(0) {
	case "next":
		for _, word := range c.words[1:] {
			f, ok := faults[word]
			if !ok {
				return fmt.Errorf("%q is no fault", word)
			}
			m.next = append(m.next, f)
		}
		return nil
	case "down", "up":
		m.down = c.word(0) == "down"
		return nil
	case "wreck":
		return m.wreck()
	case "by-hand":
		units, err := strconv.Atoi(c.word(2))
		m.hand[c.word(1)] += units
		return err
	case "":
		return m.behave(c)
	}
	return fmt.Errorf("the broker has no %q", c.word(0))
}

// behave opens the book again with other options; orders that are in it keep those they were placed with.
func (m *market) behave(c command) (err error) {
	for key, value := range c.value {
		switch key {
		case "delay":
			m.opts.Delay, err = time.ParseDuration(value)
		case "partial":
			m.opts.PartialLots, err = strconv.Atoi(value)
		case "slippage":
			m.opts.Slippage = domain.D(value)
		case "fee":
			m.opts.Fee = domain.D(value)
		default:
			err = fmt.Errorf("the broker has no option %q", key)
		}
		if err != nil {
			return err
		}
	}
	if err := m.close(); err != nil {
		return err
	}
	return m.open()
}

func (m *market) wreck() error {
	if err := m.close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir, "paper.db"), []byte("this is no order book, and nothing can be asked of it"), 0o600)
}

// lateFill adds a fill to an order that the paper broker has ended.
func (m *market) lateFill(o *domain.Order, lots int) {
	f := engine.BookFill{ExecID: o.BrokerID + "-late" + strconv.Itoa(len(m.late[o.BrokerID])+1), Quantity: lots * o.LotSize, Price: o.RefPrice, At: m.clock()}
	m.late[o.BrokerID] = append(m.late[o.BrokerID], f)
}

// all is the broker's whole history, late fills included.
func (m *market) all(ctx context.Context) ([]engine.BookOrder, error) {
	orders, err := m.paper.AllOrders(ctx)
	for i := range orders {
		orders[i].Fills = append(orders[i].Fills, m.late[orders[i].BrokerID]...)
	}
	return orders, err
}
