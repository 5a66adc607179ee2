package damage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// row is a log whose records were rearranged.
type row struct {
	name string
	recs []eventstore.Record
}

// distances are how far apart two records are that are swapped.
var distances = []int{1, 2, 7, 100}

// rows makes every rearrangement at every stride-th revision, the last one always.
func rows(t testing.TB, recs []eventstore.Record, stride int) []row {
	foreign := logtest.Chain(t, eventstore.Empty(logtest.Portfolio), len(recs))
	list := []row{{"the whole log replaced by another one", foreign}, {"every record dropped", nil}}
	for i := range recs {
		if i%stride != 0 && i != len(recs)-1 {
			continue
		}
		list = append(list,
			row{fmt.Sprintf("%d dropped, a gap left", i), slices.Delete(slices.Clone(recs), i, i+1)},
			row{fmt.Sprintf("%d dropped, the gap closed", i), placed(slices.Delete(slices.Clone(recs), i, i+1))},
			row{fmt.Sprintf("%d doubled", i), placed(slices.Insert(slices.Clone(recs), i, recs[i]))},
			row{fmt.Sprintf("%d replaced by another log's", i), with(recs, i, foreign[i])},
			row{fmt.Sprintf("%d replaced by a forged one", i), with(recs, i, forged(t, recs, i))},
			row{fmt.Sprintf("%d and all behind it dropped", i), recs[:i]},
		)
		for _, d := range distances {
			if i+d < len(recs) {
				swapped := slices.Clone(recs)
				swapped[i], swapped[i+d] = recs[i+d], recs[i]
				list = append(list, row{fmt.Sprintf("%d and %d swapped", i, i+d), placed(swapped)})
			}
		}
	}
	return list
}

// placed numbers records by their place, as a store does that numbers rows.
func placed(recs []eventstore.Record) []eventstore.Record {
	for i := range recs {
		recs[i].Rev = uint64(i)
	}
	return recs
}

func with(recs []eventstore.Record, i int, r eventstore.Record) []eventstore.Record {
	recs = slices.Clone(recs)
	recs[i] = r
	return recs
}

// forged is a record that continues the one before it in every respect, with another event.
func forged(t testing.TB, recs []eventstore.Record, i int) eventstore.Record {
	t.Helper()
	was, err := eventstore.Decode(recs[i])
	require.NoError(t, err)
	at := eventstore.Empty(logtest.Portfolio)
	if i > 0 {
		at = recs[i-1].After()
	}
	sealer := eventstore.NewSealer(at, time.Time{}, eventstore.Author{Portfolio: was.Portfolio, Instance: was.Inst, Build: was.Build, Epoch: was.Epoch})
	rec, _, err := sealer.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "forged"}, At: was.At})
	require.NoError(t, err)
	return rec
}
