package projections

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheRowsThatChangedAreWritten(t *testing.T) {
	before := map[string][]string{
		"alarms":   {"a\tx\t1\t1", "b\tx\t1\t2", "c\tx\t1\t3"},
		"settings": {"stays\t1\t1"},
	}
	after := map[string][]string{
		"alarms":   {"a\tx\t1\t1", "b\tx\t1\t7", "d\tx\t1\t8"},
		"settings": {"stays\t1\t1"},
	}
	require.Equal(t, map[string]RowChange{
		"alarms": {Gone: []string{"c\tx"}, Put: []string{"b\tx\t1\t7", "d\tx\t1\t8"}},
	}, changes(before, after), "a row with the same key is replaced and need not go; a table that stays as it is needs no write")
}

func TestATableThatIsEmptiedLosesItsRowsAndOneThatIsNewGetsThem(t *testing.T) {
	rows := map[string][]string{"alarms": {"a\tx\t1\t1"}}
	require.Equal(t, map[string]RowChange{"alarms": {Gone: []string{"a\tx"}}}, changes(rows, nil))
	require.Equal(t, map[string]RowChange{"alarms": {Put: []string{"a\tx\t1\t1"}}}, changes(nil, rows))
}
