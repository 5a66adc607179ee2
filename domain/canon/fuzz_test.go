package canon_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pm/domain/canon"
)

// FuzzDecode holds the decoder to two promises for any bytes: what it accepts is written back byte for byte, and
// encoding/json reads the same value from it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(fullText))
	f.Add([]byte(emptyText))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got every
		if canon.Decode(data, &got) != nil {
			return
		}
		again, err := canon.Append(nil, &got)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		var other every
		strict := json.NewDecoder(bytes.NewReader(data))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(&other))
		require.Equal(t, other, got)
	})
}

// anyDecimal draws decimals of up to 30 digits and 19 places.
func anyDecimal(t *rapid.T) udecimal.Decimal {
	d, err := udecimal.Parse(rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,19})?`).Draw(t, "decimal"))
	require.NoError(t, err)
	return d
}

func anyTime(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
}

func anyPart(t *rapid.T) part { return part{name(rapid.String().Draw(t, "name")), anyDecimal(t)} }

// anyValue draws a value with each optional part there or not.
func anyValue(t *rapid.T) every {
	v := every{
		Text: rapid.String().Draw(t, "text"), Int: rapid.Int().Draw(t, "int"), Small: state(rapid.Int8().Draw(t, "small")),
		Big: rapid.Uint64().Draw(t, "big"), Yes: rapid.Bool().Draw(t, "yes"), Px: anyDecimal(t), At: anyTime(t), Part: anyPart(t),
		Parts: rapid.SliceOfN(rapid.Custom(anyPart), 0, 4).Draw(t, "parts"),
		Words: rapid.MapOfN(rapid.String(), rapid.String(), 0, 5).Draw(t, "words"),
	}
	if rapid.Bool().Draw(t, "optional") {
		v.OptPx, v.OptAt, v.OptPart = ptr(anyDecimal(t)), ptr(anyTime(t)), ptr(anyPart(t))
		v.ByName = map[name]*part{name(rapid.String().Draw(t, "key")): v.OptPart}
		v.Nested = [][]*part{{v.OptPart}, {}}
	}
	return v
}

func TestEveryValueSurvivesTheRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(t)
		text, err := canon.Append(nil, v)
		require.NoError(t, err)
		var back every
		require.NoError(t, canon.Decode(text, &back))
		again, err := canon.Append(nil, back)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		require.Zero(t, v.Px.Cmp(back.Px))
		require.True(t, v.At.Equal(back.At))
		require.Equal(t, v.Text, back.Text)
	})
}

func TestOneChangedByteIsRefusedOrMeansAnotherValue(t *testing.T) {
	for i := range len(fullText) {
		for bit := range 8 {
			bad := []byte(fullText)
			bad[i] ^= 1 << bit
			var got every
			if canon.Decode(bad, &got) != nil {
				continue
			}
			again, err := canon.Append(nil, got)
			require.NoError(t, err)
			require.Equal(t, string(bad), string(again))
		}
	}
}
