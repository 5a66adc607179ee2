package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pm/cmd/internal/config"
	"pm/cmd/internal/stores"
	"pm/projections"
)

func (c *cli) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "the tables of a snapshot on a database server: up, status"}
	cmd.AddCommand(
		c.placed(&cobra.Command{
			Use: "up", Short: "brings the tables to the version of this build",
			Long: `Makes the tables that a newer schema version brings, and all of them where there are none, in one transaction a step. Rows are not
touched: what a new table holds comes from a rebuild, which a start does by itself in the background.`,
		}, func(p *whereabouts, cmd *cobra.Command) error { return c.migrateUp(cmd.Context(), p) }),
		c.placed(&cobra.Command{
			Use: "status", Short: "which migrations the tables have had, and which this build has for them",
			Long: "Lists the migrations and changes nothing. Exit code 1: some are missing.",
		}, func(p *whereabouts, cmd *cobra.Command) error { return c.migrateStatus(cmd.Context(), p) }),
	)
	return cmd
}

// migrationsDocument is what migrate prints.
type migrationsDocument struct {
	Migrations []stores.Migration `json:"migrations"`
	Missing    int                `json:"missing"` // that this build has and the tables have not
	Unknown    int                `json:"unknown"` // that the tables have and this build does not know
}

func (c *cli) migrateUp(ctx context.Context, p *whereabouts) error {
	before, err := c.migrations(ctx, p)
	if before == nil || err != nil {
		return err
	}
	if before.Unknown > 0 {
		return fmt.Errorf("%s: a newer build has migrated these tables, and they are left alone: use that build", projections.CodeSnapshotNewer)
	}
	if err := stores.Migrate(ctx, p.cfg.Snapshot); err != nil {
		return unread(err)
	}
	after, err := c.migrations(ctx, p)
	if err != nil {
		return err
	}
	return c.show(after, nil, func(t *table) {
		after.table(t)
		t.title = fmt.Sprintf("%s made", counted(before.Missing-after.Missing, "migration"))
	})
}

func (c *cli) migrateStatus(ctx context.Context, p *whereabouts) error {
	doc, err := c.migrations(ctx, p)
	if doc == nil || err != nil {
		return err
	}
	if err := c.show(doc, nil, doc.table); err != nil {
		return err
	}
	if doc.Missing > 0 {
		return finding(fmt.Errorf("%s: pmctl migrate up makes them, and so does a start", counted(doc.Missing, "migration")+" missing"))
	}
	return nil
}

// migrations asks the server; nil where there is nothing to migrate, which is then said.
func (c *cli) migrations(ctx context.Context, p *whereabouts) (*migrationsDocument, error) {
	if err := p.known(); err != nil {
		return nil, err
	}
	if p.cfg.Snapshot == (config.Snapshot{}) {
		return nil, errors.New("there is no snapshot to migrate: none is configured (snapshot.url)")
	}
	list, err := stores.Migrations(ctx, p.cfg.Snapshot)
	if errors.Is(err, stores.ErrNoMigrations) {
		doc := migrationsDocument{Migrations: []stores.Migration{}}
		return nil, c.show(doc, nil, func(t *table) { t.title = "the embedded snapshot in " + p.cfg.Snapshot.Dir + " " + err.Error() })
	}
	if err != nil {
		return nil, unread(err)
	}
	doc := &migrationsDocument{Migrations: list}
	for _, m := range list {
		switch {
		case m.AppliedAt == nil:
			doc.Missing++
		case m.Name == "":
			doc.Unknown++
		}
	}
	return doc, nil
}

func (d *migrationsDocument) table(t *table) {
	t.head = []string{">VERSION", "MIGRATION", "MADE (IST)"}
	for _, m := range d.Migrations {
		name, made := m.Name, "missing"
		if name == "" {
			name = "not known to this build"
		}
		if m.AppliedAt != nil {
			made = clock(*m.AppliedAt)
		}
		t.row(fmt.Sprint(m.Version), name, made)
	}
}
