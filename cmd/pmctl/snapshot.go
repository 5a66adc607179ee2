package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"pm/projections"
	"pm/projections/tables"
)

func (c *cli) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "snapshot", Short: "the tables that a start is held against: show, diff"}
	cmd.AddCommand(c.snapshotShowCommand(), c.snapshotDiffCommand())
	return cmd
}

func (c *cli) snapshotShowCommand() *cobra.Command {
	return c.placed(&cobra.Command{
		Use: "show", Short: "where the snapshot is, what it was folded from, which tables it has",
		Long: `Shows the head row, the version, and every table with its rows, all of one moment. Nothing is compared: that is verify. Exit code 1:
tables are there that cannot be what any build of pm has written.`,
	}, func(p *whereabouts, cmd *cobra.Command) error { return c.snapshotShow(cmd.Context(), p) })
}

// shownSnapshot is one moment of a snapshot.
type shownSnapshot struct {
	Place   string                    `json:"place"` // without a secret
	Head    *projections.SnapshotHead `json:"head"`  // null: nothing was written yet
	Version string                    `json:"version"`
	Build   buildVersion              `json:"build"` // what this pmctl would write
	Tables  []shownTable              `json:"tables"`
	Trouble []string                  `json:"trouble"` // what cannot be read
}

type buildVersion struct {
	Schema int `json:"schema_version"`
	Fold   int `json:"fold_version"`
}

type shownTable struct {
	Name    string  `json:"name"`
	Class   string  `json:"class"`          // state, history; "" of a table that this build does not know
	Columns int     `json:"columns"`        // that are there
	Rows    *uint64 `json:"rows,omitempty"` // missing where they cannot be read
}

// The versions of a snapshot, seen from this build.
const (
	versionNone  = "none"
	versionSame  = "same"
	versionOlder = "older"
	versionNewer = "newer"
)

func (c *cli) snapshotShow(ctx context.Context, p *whereabouts) (err error) {
	if err := p.known(); err != nil {
		return err
	}
	s, err := p.look()
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("there is no snapshot to show: %s", p.absent())
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	shown := &shownSnapshot{
		Place: s.String(), Version: versionNone, Build: buildVersion{tables.Version(), tables.FoldVersion},
		Tables: []shownTable{}, Trouble: []string{},
	}
	if err := s.Read(ctx, shown.read); err != nil {
		return unread(err)
	}
	if err := c.show(shown, nil, shown.table); err != nil {
		return err
	}
	if len(shown.Trouble) > 0 {
		return finding(fmt.Errorf("%s: the snapshot is damaged: %s", projections.CodeValidationFailed, shown.Trouble[0]))
	}
	return nil
}

func (s *shownSnapshot) read(v projections.SnapshotView) (err error) {
	if s.Head, err = v.Head(); s.hurt(err) {
		return err
	}
	shape, err := v.Shape()
	if err != nil {
		return err
	}
	s.Version = versionOf(s.Head)
	for _, t := range tables.All() {
		columns, there := shape[t.Name]
		if !there {
			if s.Version == versionSame {
				s.Trouble = append(s.Trouble, "table "+t.Name+" is missing")
			}
			continue
		}
		delete(shape, t.Name)
		shown := shownTable{Name: t.Name, Class: classWord(t.Class), Columns: len(columns)}
		rows, err := rowsIn(v, present(t, columns))
		if s.hurt(err) {
			return err
		}
		if err == nil {
			shown.Rows = &rows
		}
		s.Tables = append(s.Tables, shown)
		if s.Version == versionSame && len(present(t, columns).Columns) < len(t.Columns) {
			s.Trouble = append(s.Trouble, "table "+t.Name+" lacks columns of its version")
		}
	}
	delete(shape, "head")
	for _, name := range slices.Sorted(maps.Keys(shape)) {
		s.Tables = append(s.Tables, shownTable{Name: name, Columns: len(shape[name])})
	}
	return nil
}

// hurt notes what cannot be read as a table, and says whether an error is something else.
func (s *shownSnapshot) hurt(err error) bool {
	if errors.Is(err, projections.ErrSnapshotDamaged) {
		s.Trouble = append(s.Trouble, err.Error())
		return false
	}
	return err != nil
}

// present is a table without the columns that are not there.
func present(t tables.Table, columns []string) tables.Table {
	t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c tables.Column) bool { return !slices.Contains(columns, c.Name) })
	return t
}

// rowsIn counts the rows of a table.
func rowsIn(v projections.SnapshotView, t tables.Table) (uint64, error) {
	if len(t.Columns) == 0 {
		return 0, fmt.Errorf("%w: table %s has no column that is known", projections.ErrSnapshotDamaged, t.Name)
	}
	if t.Class == tables.State {
		lines, err := v.Lines([]tables.Table{t})
		return uint64(len(lines[t.Name])), err
	}
	count := &lineCounter{}
	err := v.Copy(t, count)
	return count.n, err
}

// lineCounter counts the ends of lines.
type lineCounter struct{ n uint64 }

func (l *lineCounter) Write(b []byte) (int, error) {
	l.n += uint64(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

func versionOf(h *projections.SnapshotHead) string {
	switch {
	case h == nil:
		return versionNone
	case h.SchemaVersion > tables.Version() || h.FoldVersion > tables.FoldVersion:
		return versionNewer
	case h.SchemaVersion < tables.Version() || h.FoldVersion < tables.FoldVersion:
		return versionOlder
	}
	return versionSame
}

func classWord(c tables.Class) string {
	if c == tables.State {
		return "state"
	}
	return "history"
}

func (s *shownSnapshot) table(t *table) {
	t.title = "snapshot in " + s.Place + "\n"
	if h := s.Head; h != nil {
		t.title += fmt.Sprintf("of %s at revision %d, event %s\nschema %d, fold %d: %s; tables hash %s", h.Stream, h.Revision, h.EventHash,
			h.SchemaVersion, h.FoldVersion, versionWords[s.Version], h.TablesHash)
	} else {
		t.title += "nothing was written yet"
	}
	t.head = []string{"TABLE", "CLASS", ">COLUMNS", ">ROWS"}
	for _, x := range s.Tables {
		rows, class := "?", x.Class
		if x.Rows != nil {
			rows = grouped(fmt.Sprint(*x.Rows))
		}
		if class == "" {
			class = "not of this build"
		}
		t.row(x.Name, class, fmt.Sprint(x.Columns), rows)
	}
	for _, text := range s.Trouble {
		t.foot = append(t.foot, "DAMAGED "+text)
	}
}

// versionWords say what a version means for this build.
var versionWords = map[string]string{
	versionSame:  "those of this build",
	versionOlder: "an older build wrote it, a start of this one builds it anew",
	versionNewer: "a newer build wrote it, this one leaves it alone",
}
