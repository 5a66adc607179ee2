package projections

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pm/projections/tables"
)

// Snapshot is the port to whatever keeps the tables of package tables. snapshottest holds the promises that every snapshot keeps.
// One process writes it; anybody may read it at any time and never sees half of a write.
type Snapshot interface {
	// Read gives look one consistent view: all that it reads belongs to one moment, whatever is written meanwhile. The view ends with
	// look, whose error is returned.
	Read(ctx context.Context, look func(SnapshotView) error) error
	// Write makes the change in one transaction if the head is still change.Before, and ErrSnapshotMoved if it is not. After
	// ErrSnapshotUnavailable nobody knows whether it was made: read the head.
	Write(ctx context.Context, change Change) error
	// Next is the version that is being built beside this one, with the tables of this build; it is made empty where there is none,
	// or where the one there is of another schema version. It is a part of this snapshot and ends with it.
	Next(ctx context.Context) (Snapshot, error)
	// Switch puts what Next holds in the place of what this one holds, in one transaction, if both heads are still what the caller
	// believes (nil: none), and ErrSnapshotMoved if not. With names, only these tables are taken over and the head becomes to.
	Switch(ctx context.Context, from, to *SnapshotHead, names ...string) error
	// Discard drops what was being built beside this one, if anything.
	Discard(ctx context.Context) error
	// String names the place without a secret.
	String() string
	// Close ends its use.
	Close() error
}

// SnapshotView is one moment of a snapshot.
type SnapshotView interface {
	// Head is the head row, nil if there is none.
	Head() (*SnapshotHead, error)
	// Shape lists the columns of every table of pm that is there, by name. Empty: nothing was ever written.
	Shape() (map[string][]string, error)
	// Lines reads whole tables of class State, sorted. Of a table or column that is not there: ErrSnapshotDamaged.
	Lines(of []tables.Table) (map[string][]string, error)
	// Copy writes all lines of a table in the order of its key, each with its end of line.
	Copy(t tables.Table, to io.Writer) error
}

// SnapshotHead is the head row: what the tables were folded from. It stands in the same transaction as they.
type SnapshotHead struct {
	Stream        string `json:"stream"`     // portfolio-<id>
	Revision      uint64 `json:"revision"`   // of the last event folded
	EventHash     string `json:"event_hash"` // of that event, hex
	SchemaVersion int    `json:"schema_version"`
	FoldVersion   int    `json:"fold_version"`
	TablesHash    string `json:"tables_hash"` // tables.Content.Hash; "" while a version is being built
}

// Change is one write.
type Change struct {
	Before *SnapshotHead // what must still be there; nil: no head
	After  SnapshotHead
	State  map[string]RowChange // by table
	// History holds lines to add, by table, each with its end of line, in the order of the key.
	History map[string][]byte
}

// RowChange is what changes in a state table. A row that is put replaces the one with the same key.
type RowChange struct {
	Gone []string // keys: the first Key columns of the line
	Put  []string // lines
}

var (
	// ErrSnapshotUnavailable says that the store cannot be reached now.
	ErrSnapshotUnavailable = errors.New("the snapshot cannot be reached")
	// ErrSnapshotMoved says that the head is not what the writer believed: somebody else has written.
	ErrSnapshotMoved = errors.New("the snapshot was changed by somebody else")
	// ErrSnapshotDamaged says that what is stored cannot be read as the tables of its version.
	ErrSnapshotDamaged = errors.New("the snapshot is damaged")
)

// String reads "revision 41 (hash 9f2c...)".
func (h SnapshotHead) String() string {
	return fmt.Sprintf("revision %d (hash %s)", h.Revision, h.EventHash)
}
