package snapshottest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

// patience is how long a call of the suite may wait for another before that is a fault.
const patience = 20 * time.Second

func headOf(t *testing.T, s projections.Snapshot) (head *projections.SnapshotHead) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) (err error) {
		head, err = v.Head()
		return err
	}))
	return head
}

// oneMoment writes while a view is open, through the same session and through another. Neither waits for the view.
func oneMoment(t *testing.T, p Place) {
	s, rows := begun(t, p)
	for i, writer := range []projections.Snapshot{s, p.Open(t)} {
		before, was := Head(i+1), wanted(Head(i+1), rows)
		next := Sample(4 + i)
		require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			head, err := v.Head()
			require.NoError(t, err)
			require.Equal(t, &before, head)
			ctx, stop := context.WithTimeout(t.Context(), patience)
			defer stop()
			require.NoError(t, writer.Write(ctx, grown(Filling(&before, Head(i+2), next), rows)))
			got, err := view(v)
			require.NoError(t, err)
			require.Equal(t, was, got, "the view shows the moment of its first question")
			return nil
		}))
		rows = merged(rows, next)
		require.Equal(t, wanted(Head(i+2), rows), look(t, s))
	}
}

// grown takes the rows of history out of a change that are there already.
func grown(c projections.Change, there Rows) projections.Change {
	for name, data := range c.History {
		lines := splitLines(data)
		c.History[name] = joinLines(lines[len(there[name]):])
	}
	return c
}

// merged is what is there after next was written over rows.
func merged(rows, next Rows) Rows {
	all := Rows{}
	for _, t := range tables.All() {
		all[t.Name] = next[t.Name]
		if t.Class == tables.History {
			all[t.Name] = append(rows[t.Name][:len(rows[t.Name]):len(rows[t.Name])], next[t.Name][len(rows[t.Name]):]...)
		}
	}
	return all
}

func looksError(t *testing.T, p Place) {
	s, rows := begun(t, p)
	seen := errors.New("seen enough")
	require.ErrorIs(t, s.Read(t.Context(), func(projections.SnapshotView) error { return seen }), seen)
	err := s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(tables.All()[0], full{seen}) })
	require.ErrorIs(t, err, seen, "also that of whoever takes the copy")
	require.NotErrorIs(t, err, projections.ErrSnapshotDamaged)
	require.NotErrorIs(t, err, projections.ErrSnapshotUnavailable)
	require.Equal(t, wanted(Head(1), rows), look(t, s), "and the session goes on")
}

// full is a writer that takes nothing.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func twoSessions(t *testing.T, p Place) {
	one, rows := begun(t, p)
	two, before := p.Open(t), Head(1)
	must(t, one, state(Filling(&before, Head(2), Sample(3))))
	require.Equal(t, wanted(Head(2), rows), look(t, two))
	require.ErrorIs(t, two.Write(t.Context(), state(Filling(&before, Head(3), Sample(3)))), projections.ErrSnapshotMoved)
	before = Head(2)
	must(t, two, state(Filling(&before, Head(3), Sample(3))))
	require.Equal(t, wanted(Head(3), rows), look(t, one))
}

// watch reads all tables in a loop beside do, in a session of its own. Every moment that it sees must be whole as it judges.
func watch(t *testing.T, s projections.Snapshot, whole func(seen) error, do func()) {
	t.Helper()
	watchViews(t, s, func(v projections.SnapshotView) error {
		got, err := view(v)
		if err == nil {
			err = whole(got)
		}
		return err
	}, do)
}

// watchViews looks in a loop beside do, in a session of its own.
func watchViews(t *testing.T, s projections.Snapshot, look func(projections.SnapshotView) error, do func()) {
	t.Helper()
	stop, done, times := make(chan struct{}), make(chan error, 1), 0
	go func() {
		for {
			err := s.Read(context.Background(), look)
			times++
			select {
			case <-stop:
				done <- err
				return
			default:
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	do()
	close(stop)
	require.NoError(t, <-done, "after %d moments", times)
	require.NotZero(t, times)
}

// changes is how often the promises about readers change what they read.
const changes = 10

func neverHalf(t *testing.T, p Place) {
	s, rows := begun(t, p)
	other := Sample(4)
	for name := range other { // the same keys in both, so that each write replaces all rows of the state
		if table, _ := tables.Named(name); table.Class == tables.State {
			other[name] = other[name][:3]
			continue
		}
		other[name] = rows[name]
	}
	even, odd := wanted(Head(1), rows), wanted(Head(1), other)
	watch(t, p.Open(t), func(got seen) error {
		want := even
		if got.Head.Revision/100%2 == 0 {
			want = odd
		}
		return sameRows(want, got)
	}, func() {
		for i := 1; i <= changes; i++ {
			before, next := Head(i), rows
			if i%2 == 1 {
				next = other
			}
			must(t, s, state(Filling(&before, Head(i+1), next)))
		}
	})
}

// firstSeen begins a place while somebody reads it: a start beside the first write of another must not be told of damage.
func firstSeen(t *testing.T, p Place) {
	want := wanted(Head(1), Sample(3))
	watchViews(t, p.Open(t), func(v projections.SnapshotView) error {
		head, err := v.Head()
		if err != nil {
			return err
		}
		if head == nil { // some tables may be there, without rows
			shape, err := v.Shape()
			for _, t := range tables.All() {
				if _, there := shape[t.Name]; !there || err != nil {
					continue
				}
				var got string
				if got, err = copied(v, t); err == nil && got != "" {
					err = fmt.Errorf("table %s has rows and there is no head", t.Name)
				}
			}
			return err
		}
		got, err := view(v)
		if err == nil {
			err = sameRows(want, got)
		}
		return err
	}, func() { Filled(t, p.Open(t), Head(1), Sample(3)) })
}

// sameRows compares all but the heads.
func sameRows(want, got seen) error {
	if fmt.Sprint(want.State, want.History) != fmt.Sprint(got.State, got.History) {
		return fmt.Errorf("the head says revision %d, the rows are others", got.Head.Revision)
	}
	return nil
}

func endedContext(t *testing.T, p Place) {
	s, rows := begun(t, p)
	before, after := Head(1), Head(2)
	ended, end := context.WithCancel(t.Context())
	end()
	require.Error(t, s.Read(ended, func(v projections.SnapshotView) error {
		_, err := v.Head()
		return err
	}))
	require.Error(t, s.Write(ended, state(Filling(&before, after, Sample(4)))))
	_, err := s.Next(ended)
	require.Error(t, err)
	require.Error(t, s.Switch(ended, &before, nil))
	require.Error(t, s.Discard(ended))
	mid, end := context.WithCancel(t.Context())
	require.Error(t, s.Read(mid, func(v projections.SnapshotView) error {
		_, err := v.Head()
		require.NoError(t, err)
		end()
		_, err = view(v)
		return err
	}), "also one that ends on the way")
	require.Equal(t, wanted(Head(1), rows), look(t, s), "and the session goes on")
	must(t, s, state(Filling(&before, after, Sample(3))))
}

func closed(t *testing.T, p Place) {
	s, _ := begun(t, p)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is once")
	before := Head(1)
	for name, s := range map[string]projections.Snapshot{"it": s, "what was built beside": next} {
		require.Error(t, s.Read(t.Context(), func(projections.SnapshotView) error { return nil }), name)
		require.Error(t, s.Write(t.Context(), projections.Change{Before: &before, After: Head(2)}), name)
	}
	_, err = s.Next(t.Context())
	require.Error(t, err)
	require.Error(t, s.Switch(t.Context(), &before, nil))
	require.Error(t, s.Discard(t.Context()))
}
