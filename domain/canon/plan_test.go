package canon_test

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"pm/domain/canon"
)

// row, Stamp and stamped have no form: one has no end, and of the others nothing would be written.
type (
	row     []row
	Stamp   time.Time
	stamped struct {
		At Stamp `json:"at"`
	}
)

func TestTypesWithoutCanonicalFormAreRefusedWhole(t *testing.T) {
	type tree struct {
		Kids []tree `json:"kids"`
	}
	type base struct {
		A int `json:"a"`
	}
	// Made at run time: vet would not let the same key stand twice in source.
	twins := reflect.StructOf([]reflect.StructField{
		{Name: "F", Type: reflect.TypeFor[int](), Tag: `json:"f"`}, {Name: "G", Type: reflect.TypeFor[int](), Tag: `json:"f"`},
	})
	for want, v := range map[string]any{
		"float64": struct {
			F float64 `json:"f"`
		}{},
		"interface": struct {
			F any `json:"f"`
		}{},
		"bytes are written as": struct {
			F []byte `json:"f"`
		}{},
		"contains itself":     tree{},
		"row contains itself": row{},
		"Stamp has no key of": stamped{},
		"name it":             struct{ base }{},
		"gives no usable key": struct{ F int }{},
		"unknown option": struct {
			F int `json:"f,string"`
		}{},
		"is taken": reflect.New(twins).Interface(),
		"there is no null": struct {
			F *int `json:"f"`
		}{},
		"omitempty would do": struct {
			F udecimal.Decimal `json:"f,omitempty"`
		}{},
		"Time is never empty": struct {
			F time.Time `json:"f,omitempty"`
		}{},
		"keys are not text": struct {
			F map[int]int `json:"f"`
		}{},
		"**int has no": struct {
			F **int `json:"f,omitempty"`
		}{},
		"a nil *canon_test.part": (*part)(nil),
		"nil has no":             nil,
		"chan int":               map[string][]chan int{},
	} {
		_, err := canon.Append([]byte("kept"), v)
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, canon.Decode([]byte(`{}`), part{}), "a pointer is needed")
	require.ErrorContains(t, canon.Decode([]byte(`{}`), (*part)(nil)), "a pointer is needed")
	require.ErrorContains(t, canon.Decode([]byte(`1.5`), new(float64)), "no canonical form")
}

func TestValuesWithoutCanonicalFormLeaveTheBufferAsItWas(t *testing.T) {
	for want, v := range map[string]any{
		"not UTF-8": part{Name: "\xff"},
		"a nil":     []*part{nil},
		"k":         map[string]*part{"k": nil},
		"UTF-8":     map[name]int{"\xff": 1},
	} {
		got, err := canon.Append([]byte("kept"), v)
		require.ErrorContains(t, err, want)
		require.Equal(t, "kept", string(got))
	}
}

func TestPlansAreMadeOnceHoweverManyAsk(t *testing.T) {
	type fresh struct {
		A string   `json:"a"`
		B []string `json:"b"`
	}
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for range 16 {
		wg.Go(func() {
			_, err := canon.Append(nil, fresh{A: "x"})
			errs <- err
			errs <- canon.Decode([]byte(`{"a":"x","b":[]}`), new(fresh))
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

func TestAMemorySharesShortTextAndNeverChangesIt(t *testing.T) {
	d := canon.Decoder{Memory: new(canon.Memory)}
	words := []string{"", "a", "BUY", "SELL", "BANK_NIFTY", "1409ad37-6cd4-5eb2-acf8-959d1eb44241", "a name that is too long to be worth remembering"}
	for range 3 {
		for i := range 3000 {
			data, err := canon.Append(nil, append(words, words[i%len(words)]+string(rune('a'+i%26))))
			require.NoError(t, err)
			var got []string
			require.NoError(t, d.Decode(data, &got))
			again, err := canon.Append(nil, got)
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		}
	}
	data := []byte(`"BANK_NIFTY"`)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		var s string
		if d.Decode(data, &s) != nil || s != "BANK_NIFTY" {
			panic("not read")
		}
	})-1, "the text itself is shared; the one allocation is the variable that the pointer escapes to")
}
