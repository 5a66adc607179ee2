package domain

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Namespace is the UUIDv5 namespace of every deterministic id: UUIDv5(URL, "pm-log/1").
var Namespace = uuid.MustParse("1409ad37-6cd4-5eb2-acf8-959d1eb44241")

type (
	// PortfolioID names a portfolio and, with the prefix "portfolio-", its stream.
	PortfolioID string
	// EventID is the UUIDv5 of an event, made from its place and its bytes.
	EventID string
	// SignalID is the sender's id of a signal, or a hash of what the signal says.
	SignalID string
	// OrderID is the UUIDv5 of an order: the same order has the same id after any restart.
	OrderID string
	// PositionID is <INSTRUMENT>-<campaign>-<layer>, for example BANK_NIFTY-17-Long_2.
	PositionID string
	// IntentID names an exit intent: <INSTRUMENT>-exit-<n>, n counted over the portfolio.
	IntentID string
)

// NewOrderID is the id of the portfolio's nth order (n from 0).
func NewOrderID(p PortfolioID, n uint64) OrderID {
	return OrderID(uuid.NewSHA1(Namespace, []byte(string(p)+"/order/"+strconv.FormatUint(n, 10))).String())
}

// NewEventID is the id of the event with these data bytes at this revision.
func NewEventID(p PortfolioID, rev uint64, data []byte) EventID {
	sum := sha256.Sum256(data)
	name := string(p) + "/" + strconv.FormatUint(rev, 10) + "/" + hex.EncodeToString(sum[:])
	return EventID(uuid.NewSHA1(Namespace, []byte(name)).String())
}

// Tag is the 20 characters under which a broker that carries tags shows the order.
// Twenty letters and digits is the most that Kite takes; a longer tag rejects the order.
func (id OrderID) Tag() string {
	sum := sha256.Sum256([]byte(id))
	return "pm" + base32.StdEncoding.EncodeToString(sum[:])[:18]
}

// NewPositionID is the id of a layer (1 = base) of a campaign.
func NewPositionID(instrument string, campaign, layer int) PositionID {
	return PositionID(fmt.Sprintf("%s-%d-%s", instrument, campaign, LayerName(layer)))
}

// Late is the id of the nth position that a late fill of this one made.
func (id PositionID) Late(n int) PositionID {
	return PositionID(string(id) + "-late" + strconv.Itoa(n))
}

// NewIntentID is the id of the portfolio's nth exit intent (n from 0).
func NewIntentID(instrument string, n uint64) IntentID {
	return IntentID(instrument + "-exit-" + strconv.FormatUint(n, 10))
}

// LayerName writes layer 1 as Long_1.
func LayerName(layer int) string { return "Long_" + strconv.Itoa(layer) }

// MaxLayers bounds a pyramid: the base and five pyramids.
const MaxLayers = 6

// ParseLayer reads Long_1 to Long_6, any case; ok is false for anything else.
func ParseLayer(name string) (layer int, ok bool) {
	const prefix = "long_"
	if len(name) != len(prefix)+1 || !strings.EqualFold(name[:len(prefix)], prefix) {
		return 0, false
	}
	n := int(name[len(prefix)] - '0')
	return n, n >= 1 && n <= MaxLayers
}

// DerivedSignalID identifies a signal whose sender gave it no id.
func DerivedSignalID(sig *Signal) SignalID {
	layers := slices.Clone(sig.Position)
	slices.Sort(layers)
	text := strings.Join([]string{
		sig.Instrument, string(sig.Type), strings.Join(layers, ","), sig.Timestamp.UTC().Format(time.RFC3339Nano),
	}, "|")
	sum := sha256.Sum256([]byte(text))
	return SignalID(hex.EncodeToString(sum[:]))
}
