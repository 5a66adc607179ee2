package paper

import (
	"fmt"
	"strings"

	"pm/domain"
	"pm/domain/engine"
)

// The limits of an order.
const (
	// MaxTag is the most letters and digits of a tag: what Kite takes, so that paper refuses what Kite would reject.
	MaxTag = 20
	// MaxUnits is the most units of one order.
	MaxUnits = 1_000_000_000
)

// The codes of a refusal. Every refusal is proved: the order is not in the book and never will be.
const (
	CodeTag      = "invalid_tag"
	CodeContract = "invalid_contract"
	CodeSide     = "invalid_side"
	CodeType     = "invalid_type"
	CodeQuantity = "invalid_quantity"
	CodeLimit    = "invalid_limit"
	CodeValue    = "invalid_point_value"
	CodePrice    = "no_price" // no reference price that a fill above zero could be made from
	CodeNotSent  = "not_sent" // the context had ended, or the book could not be opened for writing
)

func refuse(code, format string, args ...any) *engine.Answer {
	return &engine.Answer{Kind: engine.Refused, Code: code, Text: fmt.Sprintf(format, args...)}
}

// refusal judges the form of an order; nil is well formed.
func refusal(o engine.Order, opts Options) *engine.Answer {
	switch {
	case !validTag(o.Tag):
		return refuse(CodeTag, "tag %.40q: want 1 to %d letters and digits", o.Tag, MaxTag)
	case strings.TrimSpace(o.Contract) == "":
		return refuse(CodeContract, "the order names no contract")
	case o.Side != buy && o.Side != sell:
		return refuse(CodeSide, "side %.40q: want %s or %s", o.Side, buy, sell)
	case o.Quantity <= 0 || o.Quantity > MaxUnits:
		return refuse(CodeQuantity, "quantity %d: want 1 to %d units", o.Quantity, MaxUnits)
	case o.LotSize <= 0 || o.Quantity%o.LotSize != 0:
		return refuse(CodeQuantity, "quantity %d is not whole lots of %d", o.Quantity, o.LotSize)
	case o.PointValue.IsNeg() || !fits(o.PointValue, domain.PointValueDecimals):
		return refuse(CodeValue, "point value %s: want 0 or more with at most %d decimals", o.PointValue, domain.PointValueDecimals)
	case o.PointValue.IsZero() && !opts.Fee.IsZero():
		return refuse(CodeValue, "a fee is set and the order has no point value to compute it from")
	}
	if no := refusedType(o); no != nil {
		return no
	}
	return refusedPrice(o, opts)
}

func refusedType(o engine.Order) *engine.Answer {
	switch o.Type {
	case limit:
		if o.LimitPrice == nil || !o.LimitPrice.IsPos() {
			return refuse(CodeLimit, "a LIMIT order needs a limit price above 0")
		}
	case market:
		if o.LimitPrice != nil {
			return refuse(CodeLimit, "a MARKET order takes no limit price")
		}
	default:
		return refuse(CodeType, "type %.40q: want %s or %s", o.Type, limit, market)
	}
	return nil
}

func refusedPrice(o engine.Order, opts Options) *engine.Answer {
	if !o.RefPrice.IsPos() || !fits(o.RefPrice, domain.QuotientDigits) {
		return refuse(CodePrice, "reference price %s: want a price above 0 with at most %d decimals", o.RefPrice, domain.QuotientDigits)
	}
	if price := fillPrice(o.Side, o.RefPrice, opts.Slippage); !price.IsPos() {
		return refuse(CodePrice, "the fill of a %s at %s less slippage rounds to %s", o.Side, o.RefPrice, price)
	}
	return nil
}

func validTag(tag string) bool {
	if tag == "" || len(tag) > MaxTag {
		return false
	}
	for _, c := range []byte(tag) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
