package engine_test

import (
	"fmt"
	"testing"
	"time"

	"pm/domain"
)

// BenchmarkDecideAndApply is the writer without a disk: one refused entry a step, the commonest decision with every gate in it.
func BenchmarkDecideAndApply(b *testing.B) {
	r := newRig(b)
	if _, err := r.engine.Step(b.Context(), r.base()); err != nil {
		b.Fatal(err)
	}
	if err := r.engine.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		r.clock.add(time.Millisecond)
		c := r.signal("PYRAMID", `,"price":52100,"stop":51650,"atr":350,"er":1,"supertrend":51650`)
		c.ClientID = fmt.Sprint(n)
		if _, err := r.engine.Step(b.Context(), domain.Command(c)); err != nil {
			b.Fatal(err)
		}
	}
}
