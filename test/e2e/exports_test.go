package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/tradingview"
	"pm/domain"
)

// copies is under how many names each export is sent.
const copies = 8

// source is an export and what its instrument is like.
type source struct {
	file, like, prefix string
	text               []byte
}

// realExports are the two of the shared data; the long form cannot do without them.
func realExports(t *testing.T) []source {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "tradingview")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the long form needs the real exports in ../shared/data/tradingview beside the repository: %v", err)
	}
	out := []source{
		{file: "Bank_Nifty_Trend_Following_v4.1.csv", like: "BANK_NIFTY", prefix: "BN"},
		{file: "Gold_Mini_Trend_Following.csv", like: "GOLD_MINI", prefix: "GM"},
	}
	for i := range out {
		text, err := os.ReadFile(filepath.Join(dir, out[i].file))
		require.NoError(t, err)
		out[i].text = text
	}
	return out
}

// inventedExports are of our own making: campaigns of one to three layers, some sold in two steps, prices of a random walk.
func inventedExports(campaigns int, rng *rand.Rand) []source {
	return []source{
		{file: "invented_a.csv", like: "BANK_NIFTY", prefix: "BN", text: invent(campaigns, 48000, rng)},
		{file: "invented_b.csv", like: "GOLD_MINI", prefix: "GM", text: invent(campaigns, 71000, rng)},
	}
}

const header = "\ufeffTrade #,Type,Date/Time,Signal,Price INR,Position size (qty),Position size (value),Net P&L INR,Net P&L %,Run-up INR,Run-up %,Drawdown INR,Drawdown %,Cumulative P&L INR,Cumulative P&L %\r\n"

// invent writes an export as the tester does: two rows a trade, the exit row first.
func invent(campaigns int, price float64, rng *rand.Rand) []byte {
	var b strings.Builder
	b.WriteString(header)
	at := time.Date(2025, time.January, 6, 9, 15, 0, 0, time.UTC)
	next := func() (string, float64) {
		at = at.Add(time.Hour)
		price *= 1 + 0.004*rng.NormFloat64()
		return at.Format("2006-01-02 15:04"), price
	}
	trade := 0
	for range campaigns {
		layers := 1 + rng.IntN(3)
		type leg struct {
			at, comment string
			lots        int
			price       float64
		}
		var legs []leg
		for n := range layers {
			when, p := next()
			lots := 6 >> n // 6, 3, 1: every set of layers has its own sum
			comment := fmt.Sprintf("ENTRY-%dL", lots)
			if n > 0 {
				comment = fmt.Sprintf("PYR%d-%dL", n, lots)
			}
			legs = append(legs, leg{when, comment, lots, p})
		}
		early, left := "", 0.0
		if layers > 1 && rng.IntN(2) == 0 {
			early, left = next()
		}
		end, last := next()
		for n, l := range legs {
			trade++
			when, p, comment := end, last, "EXIT - Below ST"
			if early != "" && n == len(legs)-1 {
				when, p, comment = early, left, fmt.Sprintf("EXIT - Trail to PYR%d", n)
			}
			fmt.Fprintf(&b, "%d,Exit long,%s,%s,%.2f,%d,0,0,0,0,0,0,0,0,0\r\n", trade, when, comment, p, l.lots)
			fmt.Fprintf(&b, "%d,Entry long,%s,%s,%.2f,%d,0,0,0,0,0,0,0,0,0\r\n", trade, l.at, l.comment, l.price, l.lots)
		}
	}
	return []byte(b.String())
}

// line is one signal to be sent: its body without a time, as the export gives it.
type line struct {
	body []byte
	id   string
}

// feed is everything that one instrument's chart sends, in order.
type feed struct {
	instrument string
	lines      []line
}

// feeds imports each export under eight names, ATR 1 % of the price.
func feeds(t *testing.T, sources []source) []feed {
	t.Helper()
	var out []feed
	for _, src := range sources {
		for n := range copies {
			f := feed{instrument: fmt.Sprintf("%s%d", src.prefix, n+1)}
			lines, err := tradingview.Read(bytes.NewReader(src.text), f.instrument, tradingview.Options{SynthesizePercent: tradingview.DefaultSynthesizePercent()})
			require.NoError(t, err)
			for i, l := range lines {
				body, err := l.Body()
				require.NoError(t, err)
				sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s", src.file, i+1, body))
				f.lines = append(f.lines, line{body: body, id: hex.EncodeToString(sum[:])})
			}
			out = append(out, f)
		}
	}
	return out
}

// stamped is the body with the present time and its id, made once: every retry repeats these bytes.
func (l line) stamped() ([]byte, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(l.body, &m); err != nil {
		return nil, err
	}
	m["timestamp"] = json.RawMessage(`"` + time.Now().UTC().Format(time.RFC3339Nano) + `"`)
	m["id"] = json.RawMessage(`"` + l.id + `"`)
	return json.Marshal(m)
}

// configuration has the sixteen instruments of the feeds, the sender's sizes, and a broker that is slow and unreliable.
func configuration(sources []source, broker string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "broker:\n  url: %q\nsizing:\n  mode: %s\ninstruments:\n", broker, domain.SizingSender)
	for _, src := range sources {
		for n := range copies {
			fmt.Fprintf(&b, "  %s%d: {like: %s, contract: %s%d-FUT}\n", src.prefix, n+1, src.like, src.prefix, n+1)
		}
	}
	return b.String()
}
