package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pm/cmd/internal/config"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// place is a log and the snapshot that belongs to it: where the service of the same configuration and environment has them, unless a
// flag names another.
type place struct {
	c        *cli
	snapshot string // --snapshot
	config   string // --config

	dir string // of the log
	cfg *config.Config
}

// placeVariables are those of the service's variables that say where things are. All others are left to the service.
var placeVariables = []string{"PM_DATA", "PM_EVENTSTORE_URL", "PM_SNAPSHOT_URL"}

// placed gives a verb the flags that name a snapshot, and runs it once all names are known.
func (c *cli) placed(cmd *cobra.Command, run func(*place, *cobra.Command) error) *cobra.Command {
	p := &place{c: c}
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringVar(&p.snapshot, "snapshot", "", "the snapshot: sqlite://DIR, postgres://USER:PASSWORD@HOST:PORT/DATABASE or none (default that of the configuration)")
	cmd.Flags().StringVar(&p.config, "config", "", "the service's configuration file, which says where its log and its snapshot are (default PM_CONFIG)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if c.server != "" {
			return fmt.Errorf("%s reads the log and the snapshot themselves and asks no service: name them with --data or --config", cmd.CommandPath())
		}
		if err := p.load(); err != nil {
			return err
		}
		return run(p, cmd)
	}
	return cmd
}

// load reads the configuration as the service would.
func (p *place) load() (err error) {
	from := config.Sources{File: p.config, Flags: map[string]string{}}
	if from.File == "" {
		from.File = p.c.env("PM_CONFIG")
	}
	for _, name := range placeVariables {
		if value := p.c.env(name); value != "" {
			from.Env = append(from.Env, name+"="+value)
		}
	}
	if p.snapshot != "" {
		from.Flags["snapshot.url"] = p.snapshot
	}
	if p.c.eventstore != "" {
		from.Flags["eventstore.url"] = p.c.eventstore
	}
	if p.c.data != "" || p.c.eventstore != "" && from.File == "" {
		if from.Flags["data"], err = p.c.dataDir(); err != nil {
			return err
		}
	}
	if p.cfg, err = loadSources(from); err != nil {
		return err
	}
	if p.cfg.EventStore.Memory {
		return errors.New("the configuration keeps the log in memory: there is nothing that another process could read")
	}
	p.dir = p.cfg.EventStore.Dir
	if p.c.data != "" {
		p.dir, err = p.c.logDir()
	}
	return err
}

// openLog opens the log for reading. It has to be closed.
func (p *place) openLog() (eventstore.Log, error) {
	log, err := sqlite.OpenReader(p.dir)
	if errors.Is(err, sqlite.ErrNoLog) {
		return nil, fmt.Errorf("%w: name pm's data folder with --data, or its configuration with --config", err)
	}
	if err != nil {
		return nil, err
	}
	return log, nil
}

// look opens the snapshot for reading; nil with a reason where there is none. Nothing is made: whoever only looks leaves no folder.
func (p *place) look() (s projections.Snapshot, why string, err error) {
	if dir := p.cfg.Snapshot.Dir; dir != "" {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Sprintf("there is none in %s (one elsewhere is named with --snapshot or --config)", dir), nil
		}
	}
	s, err = p.open()
	if s == nil && err == nil {
		return nil, "none is configured (snapshot.url)", nil
	}
	return s, "", err
}

// open opens the snapshot, nil if none is configured. An embedded one is made where it is not there.
func (p *place) open() (projections.Snapshot, error) {
	s, err := p.c.snapshots(p.cfg.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot: %w", err)
	}
	return s, nil
}

// none says whether the configuration wants no snapshot.
func (p *place) none() bool { return p.cfg.Snapshot.Dir == "" && !p.cfg.Snapshot.Server }

// hint puts the log's place into a hint.
func (p *place) hint(text string) string {
	where := "--eventstore sqlite://" + p.dir
	if p.c.data != "" {
		where = "--data " + p.c.data
	}
	if p.config != "" {
		where += " --config " + p.config
	}
	return strings.ReplaceAll(text, "--data DIR", where)
}
