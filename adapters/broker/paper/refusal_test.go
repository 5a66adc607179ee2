package paper

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

func TestARefusalNamesWhatIsWrong(t *testing.T) {
	fee := Options{Fee: domain.D("0.0005")}
	for name, c := range map[string]struct {
		opts  Options
		spoil func(*engine.Order)
		code  string
		text  string
	}{
		"a tag too long":     {spoil: func(o *engine.Order) { o.Tag = strings.Repeat("x", MaxTag+1) }, code: CodeTag, text: "1 to 20 letters"},
		"no contract":        {spoil: func(o *engine.Order) { o.Contract = "  " }, code: CodeContract, text: "no contract"},
		"an unknown side":    {spoil: func(o *engine.Order) { o.Side = "SHORT" }, code: CodeSide, text: `"SHORT"`},
		"too many units":     {spoil: func(o *engine.Order) { o.Quantity = MaxUnits + 30 }, code: CodeQuantity, text: "1 to 1000000000"},
		"half a lot":         {spoil: func(o *engine.Order) { o.Quantity = 45 }, code: CodeQuantity, text: "not whole lots of 30"},
		"a limit on MARKET":  {spoil: func(o *engine.Order) { *o = brokertest.AtLimit(*o, "1"); o.Type = "MARKET" }, code: CodeLimit, text: "takes no limit"},
		"no limit on LIMIT":  {spoil: func(o *engine.Order) { o.Type = "LIMIT" }, code: CodeLimit, text: "needs a limit price"},
		"an unknown type":    {spoil: func(o *engine.Order) { o.Type = "SL-M" }, code: CodeType, text: `"SL-M"`},
		"no reference price": {spoil: func(o *engine.Order) { o.RefPrice = domain.Decimal{} }, code: CodePrice, text: "reference price 0"},
		"a negative price":   {spoil: func(o *engine.Order) { o.RefPrice = domain.D("-5") }, code: CodePrice, text: "reference price -5"},
		"a price of 13 digits": {
			spoil: func(o *engine.Order) { o.RefPrice = domain.D("1.0000000000001") }, code: CodePrice, text: "at most 12 decimals"},
		"a sale for nothing": {
			spoil: func(o *engine.Order) { o.Side, o.RefPrice = "SELL", domain.D("0.000000001") }, code: CodePrice, text: "rounds to 0"},
		"a negative point value": {spoil: func(o *engine.Order) { o.PointValue = domain.D("-1") }, code: CodeValue, text: "0 or more"},
		"a long point value":     {spoil: func(o *engine.Order) { o.PointValue = domain.D("1.00001") }, code: CodeValue, text: "at most 4 decimals"},
		"no value and yet a fee": {opts: fee, spoil: func(o *engine.Order) { o.PointValue = domain.Decimal{} }, code: CodeValue, text: "no point value"},
	} {
		o := brokertest.Buy("order", 1)
		c.spoil(&o)
		got := inMemory(t, c.opts).Send(t.Context(), o)
		require.Equal(t, engine.Refused, got.Kind, name)
		require.Equal(t, c.code, got.Code, name)
		require.Contains(t, got.Text, c.text, name)
	}
}

func TestAnOrderAtEachLimitIsTaken(t *testing.T) {
	for name, change := range map[string]func(*engine.Order){
		"the longest tag":       func(o *engine.Order) { o.Tag = strings.Repeat("Z", MaxTag) },
		"the largest quantity":  func(o *engine.Order) { o.Quantity, o.LotSize = MaxUnits, 1 },
		"the longest price":     func(o *engine.Order) { o.RefPrice = domain.D("123456789012.123456789012") },
		"the smallest price":    func(o *engine.Order) { o.RefPrice = domain.D("0.000000000001") },
		"the longest value":     func(o *engine.Order) { o.PointValue = domain.D("0.0001") },
		"no value and no fee":   func(o *engine.Order) { o.PointValue = domain.Decimal{} },
		"a tag as orders carry": func(o *engine.Order) { o.Tag = domain.NewOrderID("main", 7).Tag() },
	} {
		o := brokertest.Buy("order", 1)
		change(&o)
		require.Equal(t, engine.Accepted, inMemory(t, Options{}).Send(t.Context(), o).Kind, name)
	}
}

func TestARefusedFormIsNotCountedAsASend(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{RejectEvery: 2})
		require.Equal(t, CodeQuantity, b.Send(t.Context(), brokertest.Buy("bad", 0)).Code)
		require.Equal(t, engine.Accepted, b.Send(t.Context(), brokertest.Buy("first", 1)).Kind)
		require.Equal(t, "rejected", b.Send(t.Context(), brokertest.Buy("second", 1)).Code)
	})
}
