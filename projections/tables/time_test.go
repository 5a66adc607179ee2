package tables

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// standard is what appendTime must write.
func standard(at time.Time) string { return at.UTC().Truncate(time.Microsecond).Format(timeForm) }

func TestATimeIsWrittenAsTheStandardLibraryWritesIt(t *testing.T) {
	india := time.FixedZone("IST", exchangeOffset)
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Unix(-1, 999_999_999),
		time.Unix(1, 1_000),
		time.Unix(1, 999),
		time.Unix(1, 120_000_000),
		time.Unix(1, 123_456_789),
		time.Unix(1, 100_000),
		time.Date(2024, 2, 29, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2026, 1, 1, 4, 0, 0, 0, india), // the day before in UTC
		time.Date(2100, 3, 1, 0, 0, 0, 10_000, india),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 12, 31, 23, 59, 59, 5000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 5000, time.UTC),
		time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		require.Equal(t, "x"+standard(at), string(appendTime([]byte("x"), at)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		at := time.Unix(r.Int64N(400_000_000_000)-70_000_000_000, r.Int64N(int64(time.Second)))
		if r.IntN(2) == 0 { // whole milliseconds and seconds are what senders send
			at = at.Truncate(time.Duration(10*(1+r.IntN(2)*99)) * time.Millisecond)
		}
		if got, want := string(appendTime(nil, at)), standard(at); got != want {
			t.Fatalf("%s instead of %s", got, want)
		}
	}
}
