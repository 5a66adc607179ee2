package domain

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnExitNamesALayerLayersOrAll(t *testing.T) {
	for text, want := range map[string][]string{
		`"Long_1"`: {"Long_1"}, `" long_6 "`: {"Long_6"}, `"all"`: {"ALL"}, `" All "`: {"ALL"},
		`["Long_3","LONG_1"]`: {"Long_3", "Long_1"}, `["Long_2","long_2"]`: {"Long_2"},
	} {
		sub := parsed(t, with(t, goodExit, "position", text))
		require.Equal(t, want, sub.Signal.Position, text)
		require.Empty(t, sub.Flags)
	}
}

func TestAnUnclearPositionIsLeftEmptyAndFlagged(t *testing.T) {
	for _, text := range []string{
		`null`, `""`, `"Long_7"`, `"Long_12"`, `"Long"`, `"everything"`, `1`, `true`, `{}`, `{"layer":"Long_1"}`, `[]`, `["ALL"]`,
		`["Long_1","Long_9"]`, `["Long_1",2]`, `[["Long_1"]]`, `"Long_1,Long_2"`, `"Long_1 Long_2"`,
	} {
		sub := parsed(t, with(t, goodExit, "position", text))
		require.Empty(t, sub.Signal.Position, text)
		require.Len(t, sub.Flags, 1)
		require.Regexp(t, "^position: ", sub.Flags[0])
	}
}

func TestAnExitNeedsTypeInstrumentAndPositionOnly(t *testing.T) {
	sub := parsed(t, `{"type":"exit","instrument":"x","position":"all"}`)
	require.Equal(t, Signal{Type: Exit, Instrument: "X", Timestamp: received, Position: []string{"ALL"}}, sub.Signal)
	require.Len(t, sub.Flags, 1)
	require.Regexp(t, "^timestamp: the time is missing", sub.Flags[0])

	refused(t, with(t, goodExit, "position", ""), "missing_field position")
	refused(t, with(t, goodExit, "instrument", ""), "missing_field instrument")
	refused(t, with(t, goodExit, "instrument", `"a b"`), "invalid_field instrument")
	refused(t, with(t, goodExit, "type", `"EXITS"`), "invalid_field type")
}

func TestAFaultOfAnExitsOtherFieldsIsFlagged(t *testing.T) {
	for key, text := range map[string]string{
		"price": `"NaN"`, "stop": `{}`, "atr": `-1`, "er": `7`, "supertrend": `"x"`, "lots": `1e30`, "roc": `[]`, "id": `""`,
		"timestamp": `"yesterday"`,
	} {
		sub := parsed(t, with(t, goodExit, key, text))
		require.Len(t, sub.Flags, 1, key)
		require.True(t, strings.HasPrefix(sub.Flags[0], key+": "), sub.Flags[0])
		require.Equal(t, []string{"Long_2"}, sub.Signal.Position)
		sig := sub.Signal
		for name, d := range map[string]*Decimal{
			"stop": sig.Stop, "atr": sig.ATR, "er": sig.ER, "supertrend": sig.Supertrend, "lots": sig.Lots, "roc": sig.ROC,
		} {
			require.Nil(t, d, name)
		}
		require.Equal(t, key == "price", sig.Price == nil)
		require.Empty(t, sub.ClientID)
		require.Equal(t, key == "timestamp", sig.Timestamp.Equal(received))
	}
}

func TestAKeyGivenTwiceInAnExitEmptiesTheFieldAndDoesNotStopIt(t *testing.T) {
	twice := strings.TrimSuffix(goodExit, "}") +
		`,"price":1,"timestamp":"2025-11-12T10:00:00Z","id":"a","id":"b","note":{"x":1,"x":2}}`
	sub := parsed(t, twice)
	require.Nil(t, sub.Signal.Price)
	require.Equal(t, received, sub.Signal.Timestamp)
	require.Empty(t, sub.ClientID)
	require.Equal(t, []string{
		"price: " + onceForm, "timestamp: " + onceForm, "id: " + onceForm, "note.x: " + onceForm,
	}, sub.Flags)

	for _, key := range []string{"type", "instrument", "position"} {
		refused(t, strings.TrimSuffix(goodExit, "}")+`,"`+key+`":"EXIT"}`, "bad_json "+key)
	}
	refused(t, strings.TrimSuffix(goodExit, "}")+`,"secret":"a","secret":"b"}`, "bad_json secret")
}

func TestAnExitsFiguresAreKeptWhereTheyAreFine(t *testing.T) {
	sub := parsed(t, with(t, with(t, goodExit, "id", `"x-1"`), "atr", `"12.5"`))
	require.Equal(t, dec("52100"), sub.Signal.Price)
	require.Equal(t, dec("12.5"), sub.Signal.ATR)
	require.Equal(t, SignalID("x-1"), sub.ID())
	require.Equal(t, time.Date(2025, 11, 12, 4, 30, 0, 0, time.UTC), sub.Signal.Timestamp)
}

func TestContentIsWhatASignalSaysAndNotHow(t *testing.T) {
	base := parsed(t, goodEntry)
	for _, same := range []string{
		with(t, goodEntry, "price", `"52000.0500"`), with(t, goodEntry, "price", `5.200005e4`),
		with(t, goodEntry, "timestamp", `"2025-11-12T03:45:00Z"`), with(t, goodEntry, "timestamp", `"2025-11-12 09:15"`),
		with(t, goodEntry, "instrument", `"bank_nifty"`), with(t, goodEntry, "note", `"other"`), with(t, goodEntry, "id", `"k"`),
	} {
		require.Equal(t, base.Content(), parsed(t, same).Content(), same)
	}
	for key, other := range map[string]string{
		"type": `"PYRAMID"`, "instrument": `"GOLD_MINI"`, "timestamp": `"2025-11-12T03:45:00.000000001Z"`, "position": `"Long_2"`,
		"price": "52000.06", "stop": "51651", "atr": "351", "er": "0.83", "supertrend": "51701", "lots": "1", "roc": "0",
	} {
		require.NotEqual(t, base.Content(), parsed(t, with(t, goodEntry, key, other)).Content(), key)
	}
	require.Regexp(t, "^[0-9a-f]{64}$", base.Content())
	require.Equal(t, base.Content(), base.Signal.Content())

	a := parsed(t, with(t, goodExit, "position", `["Long_1","Long_2"]`))
	b := parsed(t, with(t, goodExit, "position", `["Long_2","Long_1"]`))
	require.Equal(t, a.Content(), b.Content())
	require.Equal(t, []string{"Long_2", "Long_1"}, b.Signal.Position, "hashing does not sort the signal itself")
}

func TestARepeatedExitWithoutATimeHasTheSameContent(t *testing.T) {
	body := []byte(`{"type":"EXIT","instrument":"X","position":"ALL","id":"e-1"}`)
	first, _, _ := ParseSignal(body, received)
	second, _, _ := ParseSignal(body, received.Add(time.Minute))
	require.NotEqual(t, first.Signal.Timestamp, second.Signal.Timestamp)
	require.Equal(t, first.Content(), second.Content())
	require.Equal(t, first.ID(), second.ID())
}

func TestASignalWithoutAnIDIsKnownByWhatItSays(t *testing.T) {
	sub := parsed(t, goodEntry)
	// SHA-256 of "BANK_NIFTY|BASE_ENTRY|Long_1|2025-11-12T03:45:00Z"
	require.Equal(t, SignalID("dc294ef3a206a0542c70f0b8269149df145a53c44b0da4e4068d2b2a2a1ac3e5"), sub.ID())
}
