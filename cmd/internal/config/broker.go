package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pm/adapters/broker/paper"
	"pm/domain"
)

// paperOptions are what broker.url may say behind paper:?
var paperOptions = []string{
	"slippage", "fee", "delay", "partial_lots", "drop_every", "lose_answer_every", "reject_every", "reject_later_every", "cancel_rest_every", "seed",
}

// broker reads broker.url. A broker is chosen by name and never replaced by another one.
func (r *reader) broker() {
	key, address := "broker.url", r.text("broker.url")
	rest, isPaper := strings.CutPrefix(address, "paper:")
	switch {
	case isPaper:
		r.paper(key, rest)
	case strings.HasPrefix(address, "openalgo+"):
		r.real = true
		r.fail(key, "OpenAlgo comes with a later release; write paper:")
	default:
		scheme, _, _ := strings.Cut(address, ":")
		r.fail(key, "%q is no broker of this release; write paper:", scheme)
	}
}

func (r *reader) paper(key, rest string) {
	query, ok := strings.CutPrefix(rest, "?")
	if rest != "" && !ok {
		r.fail(key, "paper: takes options only, like paper:?fee=0.0005&delay=50ms")
		return
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		r.fail(key, "%v; write options like paper:?fee=0.0005&delay=50ms", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		values := options[name]
		switch {
		case !slices.Contains(paperOptions, name):
			r.fail(key, "the paper broker has no option %q%s; it has %s", name, didYouMean(name, paperOptions), strings.Join(paperOptions, ", "))
		case len(values) > 1:
			r.fail(key, "the option %s is given %d times; keep one", name, len(values))
		default:
			r.paperOption(key, name, values[0])
		}
	}
}

// paperOption reads one option; the bounds are those of the paper broker.
func (r *reader) paperOption(key, name, value string) {
	o := &r.c.Paper
	rates := map[string]*domain.Decimal{"slippage": &o.Slippage, "fee": &o.Fee}
	counts := map[string]*int{
		"partial_lots": &o.PartialLots, "drop_every": &o.DropEvery, "lose_answer_every": &o.LoseAnswerEvery,
		"reject_every": &o.RejectEvery, "reject_later_every": &o.RejectLaterEvery, "cancel_rest_every": &o.CancelRestEvery,
	}
	var good bool
	want := fmt.Sprintf("a whole number from 0 to %d", paper.MaxUnits)
	switch {
	case rates[name] != nil:
		want = fmt.Sprintf("a fraction from 0 to below 1 with at most %d digits after the point, like 0.0005", paper.RateDecimals)
		*rates[name], good = number(canonical(decimal, value))
		good = good && !rates[name].IsNeg() && rates[name].Cmp(domain.Int(1)) < 0 && rates[name].Prec() <= paper.RateDecimals
	case counts[name] != nil:
		n, err := strconv.Atoi(value)
		*counts[name], good = n, err == nil && n >= 0 && n <= paper.MaxUnits
	case name == "delay":
		d, err := time.ParseDuration(value)
		want = fmt.Sprintf("a duration from 0s to %s, like 50ms", spanText(paper.MaxDelay))
		o.Delay, good = d, err == nil && d >= 0 && d <= paper.MaxDelay
	case name == "seed":
		seed, err := strconv.ParseUint(value, 10, 64)
		want = "a whole number from 0"
		o.Seed, good = seed, err == nil
	}
	if !good {
		r.fail(key, "the option %s is %q; write %s", name, value, want)
	}
}
