package projections

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestAStateDocumentCarriesTheCanonicalBytesAndTheirDigest(t *testing.T) {
	d := newDesk(t)
	d.trade()
	doc := StateDocument(d.state)
	var shown struct {
		Revision int64
		Digest   string
		State    json.RawMessage
	}
	require.NoError(t, json.Unmarshal(doc, &shown))
	require.Equal(t, int64(d.state.Events)-1, shown.Revision)
	require.Equal(t, string(d.state.Canonical()), string(shown.State), "verbatim")
	sum := sha256.Sum256(shown.State)
	require.Equal(t, hex.EncodeToString(sum[:]), shown.Digest)
	require.Equal(t, d.state.Digest(), shown.Digest)
	require.Equal(t, 1, bytes.Count(doc, []byte("\n")))
	require.True(t, bytes.HasSuffix(doc, []byte("}\n")))
	require.Contains(t, string(StateDocument(domain.NewState())), `{"revision":-1,`)
}

func TestAPositionGoesFromPendingToClosedWithTheFiguresOfItsFills(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	p := Positions(d.state)[0]
	require.Equal(t, PositionPending, p.Status)
	require.Equal(t, 8, p.LotsInFlight)
	require.Nil(t, p.EntryPrice)
	require.Empty(t, OpenPositions(d.state))

	d.fill("50010")
	d.send(niftyBar)
	p = OpenPositions(d.state)[0]
	require.Equal(t, PositionOpen, p.Status)
	require.Equal(t, "50010", p.EntryPrice.String())
	require.Equal(t, "165600", p.Unrealized.String(), "690 points × 8 lots × 30 rupees")
	require.Equal(t, "50200", p.Stop.String())
	require.Equal(t, "0", p.Risk.String(), "the stop stands above the entry")
	require.Equal(t, "49700", p.InitialStop.String())
	require.Equal(t, "-100", p.NetPnL.String())
	require.Equal(t, []string{string(d.state.Layers()[0].EntryOrder)}, p.OrderIDs)

	d.send(niftyExit)
	p = OpenPositions(d.state)[0]
	require.Equal(t, PositionClosing, p.Status)
	require.Equal(t, 8, p.LotsLeaving)
	layer := d.state.Layers()[0]
	d.fill("50410")
	require.Empty(t, Positions(d.state))
	p = ClosedPositionOf(layer)
	require.Equal(t, PositionClosed, p.Status)
	require.Equal(t, "50410", p.ExitPrice.String())
	require.Equal(t, "96000", p.RealizedPnL.String(), "400 points × 8 lots × 30 rupees")
	require.Equal(t, "200", p.Fees.String())
	require.Equal(t, "95800", p.NetPnL.String())
	require.Equal(t, "signal", p.ExitReason)
	require.Len(t, p.OrderIDs, 2)
	require.Equal(t, d.state.At, *p.ExitTime)
}

func TestAPortfolioAddsUpInEveryModeAndCountsWhatIsInFlight(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	p := PortfolioOf(d.state, HeadOf(d.sealer.Head()))
	require.Equal(t, 1, p.OrdersInFlight)
	require.Equal(t, 0, p.OpenPositions)
	require.Equal(t, "2160000", p.Margin.Amount.String(), "8 lots in flight × 270,000")
	require.Equal(t, "43.2", p.Margin.Percent.String())
	require.Equal(t, "840000", p.MarginFree.String(), "60 % of 5,000,000 less what is used")
	d.fill("50000")
	d.send(niftyBar)
	p = PortfolioOf(d.state, HeadOf(d.sealer.Head()))
	require.Equal(t, "4999900", p.Equity.Closed.String())
	require.Equal(t, "5167900", p.Equity.Open.String())
	require.Equal(t, "5083900", p.Equity.Blended.String())
	require.Equal(t, "5000000", p.Equity.HighWater.String())
	require.Equal(t, d.state.Events-1, p.Revision)
	require.Equal(t, d.sealer.Head().Hash.String(), p.HeadHash)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(text), ":null", "lists are never absent")
}

func TestAnAlarmAndAStandingExitAreShownWithTheirSentence(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	d.fill("50000")
	d.do(domain.SetTrading{To: domain.Halted, Reason: "a look at the book", By: "anna", Now: d.now})
	d.send(niftyExit)
	p := PortfolioOf(d.state, Head{})
	require.Equal(t, "HALTED", p.TradingState)
	require.Equal(t, "a look at the book", p.TradingReason)
	require.Equal(t, "exit_held_back", p.Alarms[0].Code)
	require.Equal(t, domain.Alarms["exit_held_back"], p.Alarms[0].Message)
	require.True(t, p.StandingExits[0].HeldBack)
	require.Equal(t, 0, p.StandingExits[0].Lots)
}

func TestAPyramidNamesItsNextLayerUntilItHasAllItMayHave(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	require.Empty(t, Pyramids(d.state)[0].NextLayer, "before the base has filled there is none")
	require.NotEmpty(t, Pyramids(d.state)[0].InFlight)
	d.fill("50000")
	d.send(niftyBar)
	d.send(niftyAdd)
	d.fill("50900")
	p := Pyramids(d.state)[0]
	require.Equal(t, "Long_3", p.NextLayer)
	require.Equal(t, 1, p.Pyramids)
	require.Equal(t, 5, p.MaxPyramids)
	require.Equal(t, "300", p.R.String())
	require.Len(t, p.Layers, 2)
	require.True(t, p.BaseOpen)
	d.state.Markets["BANK_NIFTY"].Campaign.Filled = 6
	require.Empty(t, Pyramids(d.state)[0].NextLayer)
}

func TestAnOrderShowsItsStateAndThenHowItEnded(t *testing.T) {
	for want, report := range map[string]func(*desk, *domain.Order) domain.Command{
		OrderEndRejected: func(d *desk, o *domain.Order) domain.Command {
			return domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Rejected: true, Text: "margin", Now: d.now}
		},
		OrderEndCanceled: func(d *desk, o *domain.Order) domain.Command {
			return domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Canceled: true, Text: "session over", Now: d.now}
		},
		OrderEndFilled: func(d *desk, o *domain.Order) domain.Command {
			return domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B1", Now: d.now, Fills: []domain.Fill{
				{ExecID: "1", Units: o.Quantity, Price: domain.D("50000"), Fee: domain.D("0")},
			}}
		},
	} {
		d := newDesk(t)
		d.send(niftyBase)
		require.Equal(t, "initialized", OpenOrders(d.state)[0].Status)
		o := d.sent()
		v := OpenOrders(d.state)[0]
		require.Equal(t, "working", v.Status)
		require.False(t, v.Done())
		d.do(report(d, o))
		require.Empty(t, OpenOrders(d.state))
		v = OrderOf(d.state.Recent.Order(o.OrderID))
		require.Equal(t, want, v.Status)
		require.True(t, v.Done())
	}
}

func TestAnOrderThatWasNeverSentIsShownAsExpired(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	id := OpenOrders(d.state)[0].OrderID
	d.now = d.now.Add(2 * time.Minute)
	d.do(domain.Tick{Now: d.now})
	require.Equal(t, OrderEndExpired, OrderOf(d.state.Recent.Order(domain.OrderID(id))).Status)
}
