package eventstore_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// logFormat is the page that shows three records in full.
const logFormat = "../docs/LOG-FORMAT.md"

// shown are the drafts of the records that the page shows: the two of a first start and the signal after them.
func shown() []eventstore.Draft {
	at := time.Date(2025, 1, 2, 3, 44, 59, 0, time.UTC)
	price, stop, atr, er := domain.D("52000.5"), domain.D("51650"), domain.D("350.25"), domain.D("0.82")
	sig := domain.Signal{Type: domain.BaseEntry, Instrument: "BANK_NIFTY", Timestamp: at.Add(time.Second), Position: []string{"Long_1"},
		Price: &price, Stop: &stop, ATR: &atr, ER: &er, Supertrend: &stop}
	return []eventstore.Draft{
		{At: at, Event: &domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"),
			Settings: map[string]string{"risk.sizing_equity": "blended", "risk.max_margin_percent": "60"}}},
		{At: at, Event: &domain.LeaderEpochStarted{Epoch: 1, Instance: "desk-1"}},
		{At: at.Add(1250 * time.Millisecond), Event: &domain.SignalReceived{SignalID: domain.DerivedSignalID(&sig), Outcome: domain.OutcomeAccepted,
			ReceivedAt: at.Add(1250 * time.Millisecond), Content: eventstore.HashOf(nil, []byte("example")).String(), Signal: sig,
			Raw: `{"type":"base_entry","instrument":"BANK_NIFTY","timestamp":"2025-01-02T09:15:00","position":"Long_1","price":52000.50,"stop":51650,"atr":350.25,"er":0.82,"supertrend":51650}`}},
	}
}

func TestTheLogFormatPageShowsThreeRealRecords(t *testing.T) {
	log := eventstore.NewMemory("main")
	defer log.Close()
	sealer := eventstore.NewSealer(eventstore.Empty("main"), time.Time{}, eventstore.Author{Portfolio: "main", Instance: "desk-1", Build: "0.1.0", Epoch: 1})
	var recs []eventstore.Record
	for _, d := range shown() {
		rec, _, err := sealer.Seal(d)
		require.NoError(t, err)
		recs = append(recs, rec)
	}
	require.NoError(t, log.Append(t.Context(), eventstore.Empty("main"), recs))
	var want bytes.Buffer
	_, err := eventstore.Export(t.Context(), log, &want)
	require.NoError(t, err)
	page, err := os.ReadFile(logFormat)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```json\n")
	require.True(t, ok, "the page has a block of JSON")
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	require.Equal(t, want.String(), block)

	var target eventstore.Log
	_, err = eventstore.Import(t.Context(), strings.NewReader(block), into(t, &target))
	require.NoError(t, err, "and what it shows can be imported")
	for _, r := range recs {
		require.Contains(t, string(page), r.Hash.String())
	}
}
