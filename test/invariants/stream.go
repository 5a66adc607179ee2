package invariants

import (
	"errors"

	"pm/domain"
)

// Stream holds events against the rules that only their order can show. It is fed every event of a log from revision 0.
type Stream struct {
	orders  map[domain.OrderID]*orderLife
	unknown map[domain.OrderID]bool
	stops   map[domain.PositionID]domain.Decimal
	bases   map[campaign]base
	intents map[domain.IntentID]*standing // before the event
	alarmed map[string]bool               // code/subject, ever raised
	bought  map[string]int                // lots by instrument
	sold    map[string]int
	cash    domain.Decimal // of all fills, gross, rupees: sales less purchases
	fees    domain.Decimal
	values  map[string]domain.Decimal // point value of the latest entry, by instrument
	mixed   bool                      // an instrument held lots of two point values at once
	flows   domain.Decimal
	epoch   uint64
	inst    string
	limits  *domain.Settings
}

type campaign struct {
	instrument string
	number     int
}

type base struct {
	lots int
	cost domain.Decimal
}

// NewStream begins before revision 0.
func NewStream() *Stream {
	return &Stream{
		orders: map[domain.OrderID]*orderLife{}, unknown: map[domain.OrderID]bool{}, stops: map[domain.PositionID]domain.Decimal{}, bases: map[campaign]base{},
		intents: map[domain.IntentID]*standing{}, alarmed: map[string]bool{}, bought: map[string]int{}, sold: map[string]int{},
		values: map[string]domain.Decimal{},
	}
}

// Take holds the next event, and the state after it, against the rules. The error joins every violation.
func (t *Stream) Take(r domain.Recorded, after *domain.State) error {
	found := []error{t.author(r), t.life(r), t.money(r), t.stop(r.Event), t.caps(r.Event, after)}
	if a, ok := r.Event.(*domain.AlarmRaised); ok {
		t.alarmed[a.Code+"/"+a.Subject] = true
	}
	t.limits = after.Settings()
	found = append(found, t.exits(r.Event, after), t.fixed(after), t.books(after), Check(after))
	return errors.Join(found...)
}

// author is V4: epochs rise, and each has one instance.
func (t *Stream) author(r domain.Recorded) error {
	before, inst := t.epoch, t.inst
	t.epoch, t.inst = r.Epoch, r.Inst
	switch {
	case r.Epoch < before:
		return broken("V4", "revision %d has epoch %d after %d", r.Rev, r.Epoch, before)
	case r.Epoch == before && r.Inst != inst && r.Rev > 0:
		return broken("V4", "revision %d: epoch %d belongs to %s and to %s", r.Rev, r.Epoch, inst, r.Inst)
	case r.Epoch != before:
		if _, ok := r.Event.(*domain.LeaderEpochStarted); !ok && r.Rev > 0 {
			return broken("V4", "revision %d: epoch %d begins with %s", r.Rev, r.Epoch, r.Type)
		}
	}
	return nil
}

// stop is V5: the stop of a layer never moves down.
func (t *Stream) stop(e domain.Event) error {
	switch e := e.(type) {
	case *domain.OrderInitialized:
		if e.Entry != nil {
			t.stops[e.Entry.PositionID] = e.Entry.InitialStop
		}
	case *domain.StopMoved:
		was, known := t.stops[e.PositionID]
		t.stops[e.PositionID] = e.To
		if !known || e.To.Cmp(was) <= 0 {
			return broken("V5", "the stop of %s moves from %s to %s", e.PositionID, was, e.To)
		}
	}
	return nil
}

// fixed is L8: the base lots of a campaign never change once its base order is done.
func (t *Stream) fixed(after *domain.State) error {
	for name, m := range after.Markets {
		c := m.Campaign
		if c == nil || !c.BaseSettled {
			continue
		}
		key := campaign{name, c.Number}
		was, known := t.bases[key]
		if known && (was.lots != c.BaseLots || !was.cost.Equal(c.BaseCost)) {
			return broken("L8", "the base of campaign %d of %s changes from %d to %d lots", c.Number, name, was.lots, c.BaseLots)
		}
		t.bases[key] = base{c.BaseLots, c.BaseCost}
	}
	return nil
}

// caps is V6: an entry of our own sizing is accepted within the caps and the margin, with everything in flight counted.
func (t *Stream) caps(e domain.Event, after *domain.State) error {
	o, ok := e.(*domain.OrderInitialized)
	if !ok || o.Entry == nil || t.limits == nil || t.limits.SizingMode != domain.SizingOwn {
		return nil
	}
	risk, vol := t.limits.Risk.BaseRisk, t.limits.Risk.BaseVolatility
	if o.Entry.Layer > 1 {
		risk, vol = t.limits.Risk.PyramidRisk, t.limits.Risk.PyramidVolatility
	}
	f := after.Figures()
	for _, c := range []struct {
		what          string
		amount, limit domain.Decimal
	}{{"risk", f.Risk, risk}, {"volatility", f.Volatility, vol}, {"margin", f.Margin, t.limits.Risk.MaxMarginPercent}} {
		if !domain.WithinCap(c.amount, domain.Decimal{}, f.Equity, c.limit) {
			return broken("V6", "with order %s the %s is %s, more than %s %% of %s", o.OrderID, c.what, c.amount, c.limit, f.Equity)
		}
	}
	return nil
}
