package domain_test

import (
	"testing"
	"time"

	"pm/domain"
)

// BenchmarkDecide is one decision without log and codec: a pyramid that goes through sizing and every gate and is refused.
func BenchmarkDecide(b *testing.B) {
	st := given(b, base("52000"), filled(0, "4@52000"), wait(time.Minute))
	sub, _, _ := domain.ParseSignal([]byte(`{"type":"PYRAMID","instrument":"BANK_NIFTY","position":"Long_2","timestamp":"`+
		st.now.Format(time.RFC3339)+`","price":52600,"stop":52250,"atr":350,"er":0.8,"supertrend":52250}`), st.now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := domain.Decide(st.state, domain.SubmitSignal{Submission: sub, Now: st.now}); err != nil {
			b.Fatal(err)
		}
	}
}
