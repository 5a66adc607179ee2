package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore/esdb/esdbtest"
)

func TestEveryFaultCanBeSetOnTheCommandLine(t *testing.T) {
	o, err := options([]string{
		"--dir", "d", "--listen", "l", "--max-append", "1", "--seed", "2",
		"--lost-percent", "3", "--late-percent", "4", "--store-late-percent", "5", "--reset-percent", "6", "--wrong-version-percent", "7",
		"--not-leader-percent", "8", "--denied-percent", "9", "--deadline-percent", "10", "--disconnect-percent", "11",
		"--cut-percent", "12", "--slow-percent", "13", "--late-by", "14s", "--slow-by", "15s", "--cut-after", "16", "--bytes-per-second", "17", "--leader", "h:1", "--follows", "h:2",
	})
	require.NoError(t, err)
	want := esdbtest.Options{
		Dir: "d", Listen: "l", MaxAppend: 1, Seed: 2, LostPercent: 3, LatePercent: 4, StoreLatePercent: 5, ResetPercent: 6, WrongPercent: 7,
		NotLeaderPercent: 8, DeniedPercent: 9, ExpiredPercent: 10, DropPercent: 11, CutPercent: 12, SlowPercent: 13,
		LateBy: 14 * time.Second, SlowBy: 15 * time.Second, CutAfter: 16, BytesPerSecond: 17, Leader: "h:1", Follows: "h:2",
	}
	require.Equal(t, want, o)
	fields := reflect.ValueOf(o)
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		require.Equal(t, name == "TLS" || name == "User", fields.Field(i).IsZero(), "%s has no flag", name)
	}
	_, err = options(nil)
	require.ErrorContains(t, err, "--dir")
}
