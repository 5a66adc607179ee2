package tradingview

import (
	"errors"
	"fmt"
	"math/bits"

	"pm/domain"
)

// book is the lots that are open while the export is gone through, by layer: book[0] is the base.
type book [domain.MaxLayers]int

func (b *book) total() (lots int) {
	for _, n := range b {
		lots += n
	}
	return lots
}

// apply carries an order out and says in the line what it was.
func (b *book) apply(o *order, line *Line) error {
	if o.exit {
		return b.exit(o, line)
	}
	line.Type = domain.BaseEntry
	if o.layer > 1 {
		line.Type = domain.Pyramid
	}
	line.Position = []string{domain.LayerName(o.layer)}
	switch {
	case o.layer == 1 && b.total() > 0:
		return fmt.Errorf("%q starts a campaign while %d lots of another are open", o.comment, b.total())
	case o.layer > 1 && b[0] == 0:
		return fmt.Errorf("%q is a pyramid without an open base", o.comment)
	case b[o.layer-1] > 0:
		return fmt.Errorf("%q enters %s, which is open", o.comment, domain.LayerName(o.layer))
	}
	b[o.layer-1] = o.lots
	return nil
}

// exit finds out which layers an exit closed.
func (b *book) exit(o *order, line *Line) error {
	line.Type, line.Reason = domain.Exit, o.comment
	if o.lots == b.total() {
		line.Position = []string{domain.AllLayers}
		*b = book{}
		return nil
	}
	set, err := b.fit(o.lots)
	if err != nil {
		return err
	}
	line.Inferred = true
	for i := range b {
		if set&(1<<i) != 0 {
			line.Position = append(line.Position, domain.LayerName(i+1))
			b[i] = 0
		}
	}
	return nil
}

// fit finds the layers whose lots add up to an exit's, as a set of bits, bit 0 the base: the fewest layers, and of equally
// many those that hold the newest layer in which they differ, which is the set with the greater number.
func (b *book) fit(lots int) (uint, error) {
	best := uint(0)
	for set := uint(1); set < 1<<len(b); set++ {
		sum := 0
		for i, n := range b {
			if set&(1<<i) != 0 {
				sum += n
			}
		}
		// A set with an empty layer is never the smallest of its sum.
		if sum == lots && (best == 0 || bits.OnesCount(set) <= bits.OnesCount(best)) {
			best = set
		}
	}
	if best == 0 {
		if b.total() == 0 {
			return 0, errors.New("an exit while nothing is open")
		}
		return 0, fmt.Errorf("an exit of %d lots fits no whole layers: open are %v from Long_1 up", lots, *b)
	}
	return best, nil
}
