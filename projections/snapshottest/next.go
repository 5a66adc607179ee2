package snapshottest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

// beside begins what is to take the place of a snapshot.
func beside(t *testing.T, s projections.Snapshot) projections.Snapshot {
	t.Helper()
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	return next
}

func besideUnseen(t *testing.T, p Place) {
	s, rows := begun(t, p)
	next := beside(t, s)
	require.Nil(t, headOf(t, next), "it begins empty")
	for i := range 3 { // both are written by turns, as the follower and the rebuild do
		before := Head(i + 1)
		must(t, s, state(Filling(&before, Head(i+2), Sample(3))))
		if i == 0 {
			Filled(t, next, Head(90), Nasty())
			continue
		}
		built := Head(89 + i)
		must(t, next, projections.Change{Before: &built, After: Head(90 + i)})
	}
	require.Equal(t, wanted(Head(4), rows), look(t, s))
	require.Equal(t, wanted(Head(4), rows), look(t, p.Open(t)))
	require.Equal(t, wanted(Head(92), Nasty()), look(t, next))
	require.NoError(t, p.Open(t).Read(t.Context(), func(v projections.SnapshotView) error {
		shape, err := v.Shape()
		require.NoError(t, err)
		for name := range shape {
			require.NotContains(t, name, "next", "what is built beside is no part of the shape")
		}
		return nil
	}))
}

func besideResumes(t *testing.T, p Place) {
	s, _ := begun(t, p)
	Filled(t, beside(t, s), Head(50), Sample(4))
	require.Equal(t, wanted(Head(50), Sample(4)), look(t, beside(t, s)), "asked for again")
	require.NoError(t, s.Close())
	require.Equal(t, wanted(Head(50), Sample(4)), look(t, beside(t, p.Open(t))), "after a restart")
	empty := p.Open(t)
	require.NoError(t, empty.Discard(t.Context()))
	other := Head(51)
	other.SchemaVersion++
	Filled(t, beside(t, empty), other, Sample(4))
	require.Nil(t, headOf(t, beside(t, p.Open(t))), "what another build made is made anew")
}

func besideDiscarded(t *testing.T, p Place) {
	s, rows := begun(t, p)
	require.NoError(t, s.Discard(t.Context()), "there is nothing to give up")
	Filled(t, beside(t, s), Head(50), Sample(4))
	require.NoError(t, s.Discard(t.Context()))
	require.Equal(t, wanted(Head(1), rows), look(t, s))
	from, to := Head(1), Head(50)
	require.ErrorIs(t, s.Switch(t.Context(), &from, &to), projections.ErrSnapshotMoved, "it is gone")
	require.Nil(t, headOf(t, beside(t, s)), "another one begins empty")
}

func switchChecks(t *testing.T, p Place) {
	s, rows := begun(t, p)
	from, to, wrong := Head(1), Head(50), Head(51)
	require.ErrorIs(t, s.Switch(t.Context(), &from, &to), projections.ErrSnapshotMoved, "nothing was built")
	next := beside(t, s)
	require.ErrorIs(t, s.Switch(t.Context(), &from, &to), projections.ErrSnapshotMoved, "nothing was written")
	Filled(t, next, to, Sample(4))
	for _, names := range [][]string{nil, {tables.All()[0].Name}} {
		require.ErrorIs(t, s.Switch(t.Context(), &wrong, &to, names...), projections.ErrSnapshotMoved)
		require.ErrorIs(t, s.Switch(t.Context(), nil, &to, names...), projections.ErrSnapshotMoved)
		require.ErrorIs(t, s.Switch(t.Context(), &from, &wrong, names...), projections.ErrSnapshotMoved)
		require.ErrorIs(t, s.Switch(t.Context(), &from, nil, names...), projections.ErrSnapshotMoved)
	}
	require.Equal(t, wanted(from, rows), look(t, s))
	require.Equal(t, wanted(to, Sample(4)), look(t, next))
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, wanted(to, Sample(4)), look(t, s))
	require.Equal(t, wanted(to, Sample(4)), look(t, p.Open(t)), "for every session")
	require.ErrorIs(t, s.Switch(t.Context(), &to, &to), projections.ErrSnapshotMoved, "it was taken")
	require.Nil(t, headOf(t, beside(t, s)), "another one begins empty")
	must(t, s, state(Filling(&to, Head(52), Sample(4)))) // the session goes on with what it has taken
}

// switchAgain takes over so often that whatever is kept of the old ones must make room, the first time into an empty place.
func switchAgain(t *testing.T, p Place) {
	s := p.Open(t)
	var from *projections.SnapshotHead
	for i := 1; i < 5; i++ {
		to := Head(i)
		Filled(t, beside(t, s), to, Sample(i))
		require.NoError(t, s.Switch(t.Context(), from, &to))
		require.Equal(t, wanted(to, Sample(i)), look(t, s))
		from = &to
	}
	must(t, s, state(Filling(from, Head(9), Sample(4))))
}

func switchSome(t *testing.T, p Place) {
	s, rows := begun(t, p)
	from, to := Head(1), Head(50)
	taken := []string{}
	next := Sample(4)
	for i, table := range tables.All() {
		if i%2 == 1 {
			taken, rows[table.Name] = append(taken, table.Name), next[table.Name]
		}
	}
	Filled(t, beside(t, s), to, next)
	require.NoError(t, s.Switch(t.Context(), &from, &to, taken...))
	require.Equal(t, wanted(to, rows), look(t, s))
	require.Equal(t, wanted(to, rows), look(t, p.Open(t)))
	require.NoError(t, s.Discard(t.Context()), "what is left of it can be given up")
	must(t, s, state(Filling(&to, Head(51), Sample(3))))
}

func switchWhole(t *testing.T, p Place) {
	s, rows := begun(t, p)
	odd, even := wanted(Head(1), rows), wanted(Head(2), Sample(4))
	watch(t, p.Open(t), func(got seen) error {
		if got.Head == nil {
			return errNoHead
		}
		if got.Head.Revision/100%2 == 0 {
			return sameRows(even, got)
		}
		return sameRows(odd, got)
	}, func() {
		for i := 1; i <= changes; i++ {
			from, to := Head(i), Head(i+1)
			Filled(t, beside(t, s), to, Sample(3+i%2))
			require.NoError(t, s.Switch(t.Context(), &from, &to))
		}
	})
}
