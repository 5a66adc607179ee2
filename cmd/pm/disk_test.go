package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// begun is a service whose log is open and which takes no signals yet, on a disk of so much room.
func begunOn(t *testing.T, room func(string) (uint64, uint64, error)) (*service, *console) {
	t.Helper()
	s, errs := quiet(t)
	t.Cleanup(s.closeAll)
	s.room = room
	for _, step := range []func(context.Context) error{
		s.makeDataFolder, s.serveHealth, s.openLog, s.recover, s.openBroker, s.checkBook, s.begin, s.checkDisk,
	} {
		require.NoError(t, step(t.Context()))
	}
	return s, errs
}

func free(bytes uint64) func(string) (uint64, uint64, error) {
	return func(string) (uint64, uint64, error) { return bytes, 1000, nil }
}

func TestAtFivePercentFreeEntriesGoOnAndBelowTheyStop(t *testing.T) {
	s, errs := begunOn(t, free(50))
	require.Equal(t, domain.Active, s.engine.State().Trading.Mode)
	require.NotContains(t, errs.String(), "disk")
	s.room = free(49)
	require.NoError(t, s.checkDisk(t.Context()))
	trading := s.engine.State().Trading
	require.Equal(t, domain.Reducing, trading.Mode)
	require.Equal(t, domain.ByService, trading.By)
	require.Contains(t, trading.Reason, "disk_full: ")
	require.Contains(t, errs.String(), "the disk is nearly full")

	head := s.engine.Head()
	require.NoError(t, s.checkDisk(t.Context()))
	require.Equal(t, head, s.engine.Head(), "it is said once")
	s.room = free(900)
	require.NoError(t, s.checkDisk(t.Context()))
	require.Equal(t, domain.Reducing, s.engine.State().Trading.Mode, "only a person resumes")
	require.Contains(t, errs.String(), "the disk has room again")
}

func TestAHaltIsNotTurnedIntoReducing(t *testing.T) {
	s, _ := begunOn(t, free(900))
	_, err := s.engine.Step(t.Context(), domain.SetTrading{To: domain.Halted, Reason: "lunch", By: "asha"})
	require.NoError(t, err)
	s.room = free(0)
	require.NoError(t, s.checkDisk(t.Context()))
	require.Equal(t, domain.Halted, s.engine.State().Trading.Mode)
}

func TestADiskThatCannotBeMeasuredIsSaidOnceAndStopsNothing(t *testing.T) {
	s, errs := begunOn(t, func(string) (uint64, uint64, error) { return 0, 0, errors.New("no such call") })
	require.NoError(t, s.checkDisk(t.Context()))
	require.Equal(t, domain.Active, s.engine.State().Trading.Mode)
	require.Contains(t, errs.lastLines(1)[0], "is not known and not watched")
}
