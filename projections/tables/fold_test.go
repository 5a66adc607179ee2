package tables_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// long is a log whose signals alone are several times what is hashed at once.
func long(t *testing.T) []domain.Recorded {
	t.Helper()
	log := snapshottest.Log(t)
	for i := range log {
		if e, is := log[i].Event.(*domain.SignalReceived); is {
			e.ClientID = strings.Repeat("client ", 200)
		}
	}
	return log
}

// Lines are hashed in chunks, given away and kept: whatever is done in between, the digest is that of all lines.
func TestTheHashOfAHistoryIsThatOfItsLinesHoweverTheyAreTaken(t *testing.T) {
	log := long(t)
	plain, bytes := tables.NewFold(), 0
	for _, r := range log {
		require.NoError(t, plain.Apply(r))
	}
	want := plain.Content().History
	require.Empty(t, plain.Take(), "nothing was gathered")
	require.Zero(t, plain.Gathered())
	for _, every := range []int{1, 7, len(log)} {
		for _, from := range []int{0, 1, len(log) / 2} {
			fold, got := tables.NewFold(), map[string]string{}
			take := func() {
				for name, lines := range fold.Take() {
					got[name] += string(lines)
					bytes += len(lines)
				}
				require.Zero(t, fold.Gathered())
			}
			before := map[string]uint64{}
			for i, r := range log {
				if i == from {
					for name, sum := range fold.Content().History {
						before[name] = sum.Rows
					}
					fold.Gather()
				}
				require.NoError(t, fold.Apply(r))
				if i%every == 0 && i > from {
					take()
					fold.Content() // changes nothing
				}
			}
			waiting := fold.Gathered()
			had := bytes
			take()
			require.Equal(t, waiting, bytes-had)
			require.Equal(t, want, fold.Content().History, "gathered from %d, taken every %d", from, every)
			for name, sum := range want {
				lines := got[name]
				require.Equal(t, sum.Rows-before[name], uint64(strings.Count(lines, "\n")), name)
				if from == 0 {
					digest := sha256.Sum256([]byte(lines))
					require.Equal(t, sum.Digest, hex.EncodeToString(digest[:]), name)
				}
			}
		}
	}
	require.Greater(t, bytes, 1<<17, "many times what is hashed at once")
}
