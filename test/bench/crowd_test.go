package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore/sqlite"
)

// crowdLayers is how many layers an instrument of a crowd has at most. The settings of all instruments stand in one event, so there
// cannot be a thousand of them.
const crowdLayers = 5

// crowdPrice is the price of a crowd's nth layer, counted from 0; the last one is that of every bar.
func crowdPrice(layer int) int { return 850 + 30*layer }

// crowdSettings are the defaults with so many further instruments, each small enough that all of them may be open at once.
func crowdSettings(t testing.TB, positions int) map[string]string {
	t.Helper()
	all := settings(t)
	for key, value := range settings(t) {
		field, found := strings.CutPrefix(key, "instruments.COPPER.")
		if !found {
			continue
		}
		switch field {
		case "initial_risk_percent", "initial_volatility_percent":
			value = "0.001"
		case "margin_per_lot":
			value = "100"
		case "lot_size", "point_value":
			value = "1"
		case "max_pyramids":
			value = strconv.Itoa(crowdLayers)
		}
		for n := range positions {
			own := value
			if field == "contract" {
				own = fmt.Sprintf("CROWD%d-FUT", n)
			}
			all["instruments."+crowded(n)+"."+field] = own
		}
	}
	return all
}

func crowded(n int) string { return fmt.Sprintf("CROWD_%d", n) }

// layer asks for the nth layer of an instrument, counted from 0.
func (m *market) layer(instrument string, n int) {
	kind := "PYRAMID"
	if n == 0 {
		kind = "BASE_ENTRY"
	}
	price := crowdPrice(n)
	m.send(`{"type":%q,"instrument":%q,"position":"Long_%d","timestamp":%q,"price":%d,"stop":%d,"lots":1,"atr":5,"er":1,"supertrend":%[6]d}`,
		kind, instrument, n+1, m.stamp(), price, price-10)
}

// crowd is a history on the disk with so many open positions, filled up with bars to so many events.
func crowd(t testing.TB, positions int, events uint64) *history {
	t.Helper()
	dir, err := os.MkdirTemp(shared, "crowd")
	require.NoError(t, err)
	log, err := sqlite.Open(filepath.Join(dir, "log"), portfolio, "bench")
	require.NoError(t, err)
	s := newSink(t, log, filepath.Join(dir, "bare"))
	instruments := positions/(crowdLayers-1) + 10 // the broker refuses some
	m := newMarketWith(t, s, 1, crowdSettings(t, instruments))
	for n := 0; len(m.engine.State().Layers()) < positions && n < crowdLayers*instruments; n++ {
		m.layer(crowded(n%instruments), n/instruments)
	}
	for n := 0; m.engine.Head().Next < events; n++ {
		m.now = m.now.Add(barEvery)
		m.send(`{"type":"MARKET_DATA","instrument":%q,"timestamp":%q,"price":%d,"atr":5,"supertrend":840}`, crowded(n%instruments), m.stamp(), crowdPrice(crowdLayers-1))
	}
	require.Len(t, m.engine.State().Layers(), positions)
	require.NoError(t, s.close(t.Context()))
	require.NoError(t, log.Close())
	return &history{dir: filepath.Join(dir, "log"), events: s.head.Next}
}

func TestACrowdHasAsManyOpenPositionsAsWereAskedFor(t *testing.T) {
	h := crowd(t, 20, 300)
	log := h.open(t)
	defer log.Close()
	_, digest := recoverOnce(t, log)
	require.NotEmpty(t, digest)
	require.GreaterOrEqual(t, h.events, uint64(300))
}
