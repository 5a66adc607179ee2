package domain

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quagmt/udecimal"
)

// Settings are all values outside the log's own facts that decisions read. They travel through the log as a flat map of keys to
// strings (PortfolioOpened, SettingsChanged, RiskLimitsChanged), so a replay needs no configuration.
type Settings struct {
	BrokerName string // stamped on every order
	BrokerTags bool   // the broker's book shows our tag
	SizingMode string // SizingOwn, SizingSender
	Orders     OrderSettings
	Risk       RiskSettings
	Signals    SignalSettings

	instruments map[string]*instrumentTable
}

// OrderSettings bound the life of an order.
type OrderSettings struct {
	EntrySlippage  Decimal       // fraction of the price that a limit may stand above the signal
	Partial        string        // PartialCancel, PartialWait
	ExpireAfter    time.Duration // not sent by then: expires
	WorkingTimeout time.Duration // working so long: cancelled
	SendWindow     time.Duration // a send may start so long after its mark
}

// What becomes of an entry that has filled in part when its time is up.
const (
	PartialCancel = "cancel"
	PartialWait   = "wait"
)

// RiskSettings are the limits, in percent of the sizing equity.
type RiskSettings struct {
	SizingEquity      EquityMode
	MaxMarginPercent  Decimal
	BaseRisk          Decimal
	BaseVolatility    Decimal
	PyramidRisk       Decimal
	PyramidVolatility Decimal
	BaseDivergence    Decimal // from the broker's quote
	PyramidDivergence Decimal
	PeelOff           bool
}

// SignalSettings are the ages and windows of signals.
type SignalSettings struct {
	MaxAge          time.Duration
	MaxAhead        time.Duration
	EODMaxAge       time.Duration
	DuplicateWindow time.Duration
	Memory          time.Duration // how long accepted ids and ended orders are remembered
	EnforceSession  bool
}

// settingReader collects every problem instead of stopping at the first.
type settingReader struct {
	flat     map[string]string
	used     map[string]bool
	problems []error
}

// ParseSettings reads a complete flat map. It lists every problem: missing, unreadable and unknown keys.
func ParseSettings(flat map[string]string) (*Settings, []error) {
	r := &settingReader{flat: flat, used: map[string]bool{}}
	s := &Settings{
		BrokerName: r.text("broker.name"),
		BrokerTags: r.flag("broker.tags"),
		SizingMode: r.oneOf("sizing.mode", SizingOwn, SizingSender),
		Orders: OrderSettings{
			EntrySlippage:  r.decimal("orders.entry_slippage", "0", "0.2"),
			Partial:        r.oneOf("orders.partial", PartialCancel, PartialWait),
			ExpireAfter:    r.span("orders.expire_after"),
			WorkingTimeout: r.span("orders.working_timeout"),
			SendWindow:     r.span("orders.send_window"),
		},
		Risk: RiskSettings{
			SizingEquity:      EquityMode(r.oneOf("risk.sizing_equity", string(EquityClosed), string(EquityOpen), string(EquityBlended))),
			MaxMarginPercent:  r.percent("risk.max_margin_percent"),
			BaseRisk:          r.percent("risk.base_risk_percent"),
			BaseVolatility:    r.percent("risk.base_volatility_percent"),
			PyramidRisk:       r.percent("risk.pyramid_risk_percent"),
			PyramidVolatility: r.percent("risk.pyramid_volatility_percent"),
			BaseDivergence:    r.percent("risk.base_divergence_percent"),
			PyramidDivergence: r.percent("risk.pyramid_divergence_percent"),
			PeelOff:           r.flag("risk.peel_off"),
		},
		Signals: SignalSettings{
			MaxAge:          r.span("signals.max_age"),
			MaxAhead:        r.span("signals.max_ahead"),
			EODMaxAge:       r.span("signals.eod_max_age"),
			DuplicateWindow: r.span("signals.duplicate_window"),
			Memory:          r.span("signals.memory"),
			EnforceSession:  r.flag("signals.enforce_session"),
		},
	}
	s.instruments = r.instruments()
	r.unknown()
	return s, r.problems
}

func (r *settingReader) fail(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

func (r *settingReader) text(key string) string {
	r.used[key] = true
	v, ok := r.flat[key]
	if !ok || v == "" {
		r.fail("%s: is missing", key)
	}
	return v
}

func (r *settingReader) oneOf(key string, allowed ...string) string {
	v := r.text(key)
	if v != "" && !slices.Contains(allowed, v) {
		r.fail("%s: %q is not one of %s", key, v, strings.Join(allowed, ", "))
	}
	return v
}

func (r *settingReader) flag(key string) bool {
	v := r.text(key)
	b, err := strconv.ParseBool(v)
	if v != "" && err != nil {
		r.fail("%s: %q is not true or false", key, v)
	}
	return b
}

func (r *settingReader) span(key string) time.Duration {
	v := r.text(key)
	d, err := time.ParseDuration(v)
	if v != "" && (err != nil || d <= 0) {
		r.fail("%s: %q is not a duration above zero, for example 30s or 5m", key, v)
	}
	return d
}

func (r *settingReader) percent(key string) Decimal { return r.decimal(key, "0", "100") }

func (r *settingReader) decimal(key, low, high string) Decimal {
	v := r.text(key)
	if v == "" {
		return zero
	}
	d, err := udecimal.Parse(v)
	if err != nil || d.Prec() > PriceDecimals || d.Cmp(D(low)) < 0 || d.Cmp(D(high)) > 0 {
		r.fail("%s: %q is not a number from %s to %s with at most %d digits after the point", key, v, low, high, PriceDecimals)
	}
	return d
}

func (r *settingReader) unknown() {
	for _, key := range slices.Sorted(maps.Keys(r.flat)) {
		if !r.used[key] {
			r.fail("%s: no such setting", key)
		}
	}
}
