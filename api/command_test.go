package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestTheIDOfACommandIsReadFromEveryEventThatHasOne(t *testing.T) {
	const id = "asked-once"
	seen := 0
	for kind, empty := range domain.EventTypes {
		e := empty()
		v := reflect.ValueOf(e).Elem()
		want := ""
		for i := range v.NumField() {
			if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name == "command_id" {
				v.Field(i).SetString(id)
				want = id
				seen++
			}
		}
		require.Equal(t, want, commandID(e), "%s needs an arm in commandID, or a repeat is told another revision than the first", kind)
		require.False(t, want != "" && !identified(e), "%s carries its command's id", kind)
	}
	require.GreaterOrEqual(t, seen, 6)
}
