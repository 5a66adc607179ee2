package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pm/cmd/internal/config"
	"pm/cmd/internal/installation"
	"pm/cmd/internal/stores"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// whereabouts are a log and the snapshot that belongs to it: where the service of the same configuration and environment has them, unless a
// flag names another.
type whereabouts struct {
	c        *cli
	snapshot string // --snapshot
	config   string // --config

	dir    string // of the log, or its address without a password
	away   string // the same address with its portfolio, "" for a log on this machine
	named  bool   // somebody said where the snapshot is
	folder bool   // cfg.Data is the folder of this log's pm
	cfg    *config.Config
}

// placeVariables are those of the service's variables that say where things are. All others are left to the service.
var placeVariables = []string{"PM_DATA", "PM_EVENTSTORE_URL", "PM_SNAPSHOT_URL"}

// placed gives a verb the flags that name a snapshot, and runs it once all names are known.
func (c *cli) placed(cmd *cobra.Command, run func(*whereabouts, *cobra.Command) error) *cobra.Command {
	p := &whereabouts{c: c}
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
func (p *whereabouts) load() (err error) {
	from := config.Sources{File: p.config, Flags: map[string]string{}}
	if from.File == "" {
		from.File = p.c.env("PM_CONFIG")
	}
	for _, name := range placeVariables {
		if value := p.c.env(name); value != "" {
			from.Env = append(from.Env, name+"="+value)
		}
	}
	p.named = p.snapshot != "" || from.File != "" || p.c.env("PM_SNAPSHOT_URL") != ""
	if p.snapshot != "" {
		from.Flags["snapshot.url"] = p.snapshot
	}
	away := remote(p.c.eventstore)
	if p.c.eventstore != "" && !away {
		from.Flags["eventstore.url"] = p.c.eventstore
	}
	p.folder = !away || p.c.data != "" || from.File != "" || p.c.env("PM_DATA") != ""
	if p.c.data != "" || p.c.eventstore != "" && from.File == "" && !away {
		if from.Flags["data"], err = p.c.dataDir(); err != nil {
			return err
		}
	}
	if p.cfg, err = loadSources(from); err != nil {
		return err
	}
	if away {
		p.dir, p.away = esdb.Redacted(p.c.eventstore), redacted(p.c.eventstore)
		return nil
	}
	if p.cfg.EventStore.Memory {
		return errors.New("the configuration keeps the log in memory: there is nothing that another process could read")
	}
	if p.cfg.EventStore.Server {
		p.dir = esdb.Redacted(p.cfg.EventStore.URL.Reveal())
		p.away = esdb.WithPortfolio(p.dir, p.cfg.Portfolio.ID)
		return nil
	}
	p.dir = p.cfg.EventStore.Dir
	if p.c.data != "" && p.c.eventstore == "" {
		p.dir, err = p.c.logDir()
	}
	return err
}

// pinned reads and judges the pin of the data folder, before the log is read.
func (p *whereabouts) pinned() (*pinned, error) {
	if !p.folder {
		return &pinned{why: "name the data folder of the pm that writes it with --data"}, nil
	}
	if p.away == "" && p.c.data == "" && isCopy(p.dir) {
		return &pinned{why: copyBehind}, nil
	}
	pin := &pinned{folder: p.cfg.Data, place: p.place(), loose: p.away == "" && p.c.loose() && filepath.Join(p.dir, "..") == filepath.Clean(p.cfg.Data)}
	if p.away != "" {
		pin.copied = installation.CopyFolder(p.cfg.Data)
	}
	return pin, pin.read("")
}

// place is how pmctl is told this log.
func (p *whereabouts) place() string {
	data := ""
	if p.folder {
		data = p.cfg.Data
	}
	return installation.LogPlace(p.away, p.dir, data)
}

// openLog opens the log for reading. It has to be closed.
func (p *whereabouts) openLog(ctx context.Context) (eventstore.Log, error) {
	if remote(p.c.eventstore) {
		return p.c.openLog(ctx)
	}
	if p.cfg.EventStore.Server { // what is on this machine is a copy that may lie behind
		return openStream(ctx, p.cfg.EventStore.URL.Reveal(), p.cfg.Portfolio.ID)
	}
	log, err := sqlite.OpenReader(p.dir)
	if errors.Is(err, sqlite.ErrNoLog) {
		return nil, fmt.Errorf("%w: name pm's data folder with --data, or its configuration with --config", err)
	}
	if err != nil {
		return nil, err
	}
	return log, nil
}

// absent says why there is no snapshot to look at, "" if there is one or if a server has to be asked.
func (p *whereabouts) absent() string {
	dir := p.cfg.Snapshot.Dir
	if dir == "" && !p.cfg.Snapshot.Server {
		return "none is configured (snapshot.url)"
	}
	if _, err := os.Stat(filepath.Join(dir, stores.SnapshotFile)); dir != "" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is none in %s (one elsewhere is named with --snapshot or --config)", dir)
	}
	return ""
}

// elsewhere is where the last start had its snapshot, if that was a database server and nobody has named it: then the one in the data folder
// is not the service's, and what it says, or that it is not there, means nothing. "" if there is no doubt.
func (p *whereabouts) elsewhere() string {
	if p.named {
		return ""
	}
	last, _, err := projections.NewReports(os.DirFS(filepath.Join(p.cfg.Data, "recovery"))).List("", 1)
	if err != nil || len(last) == 0 || !strings.HasPrefix(last[0].SnapshotPlace, "postgres") {
		return "" // a report that cannot be read is shown by pmctl recovery
	}
	return last[0].SnapshotPlace
}

// known refuses to take another snapshot for the service's.
func (p *whereabouts) known() error {
	if place := p.elsewhere(); place != "" {
		return fmt.Errorf("the last start had its snapshot in %s: name it with --snapshot or --config", place)
	}
	return nil
}

// look opens the snapshot for reading, nil where there is none: whoever only looks leaves no folder.
func (p *whereabouts) look() (projections.Snapshot, error) {
	if p.absent() != "" {
		return nil, nil
	}
	s, err := p.c.readSnapshot(p.cfg.Snapshot)
	return s, unread(err)
}

// open opens the snapshot for writing, and makes an embedded one where there is none.
func (p *whereabouts) open() (projections.Snapshot, error) {
	s, err := p.c.openSnapshot(p.cfg.Snapshot)
	return s, unread(err)
}

// unread puts the code before an error of a snapshot. What cannot be read as one is a finding.
func unread(err error) error {
	switch {
	case errors.Is(err, projections.ErrSnapshotUnavailable):
		return fmt.Errorf("%s: %w", projections.CodeDBUnavailable, err)
	case errors.Is(err, projections.ErrSnapshotDamaged):
		return finding(fmt.Errorf("%s: %w", projections.CodeValidationFailed, err))
	}
	return err
}

// hint puts the log's place into a hint. The verbs of log take no configuration.
func (p *whereabouts) hint(text string) string {
	where := p.place()
	text = strings.ReplaceAll(text, "pmctl log verify --data DIR", "pmctl log verify "+where)
	text = strings.ReplaceAll(text, "pmctl log info --data DIR", "pmctl log info "+where)
	if p.config != "" {
		where += " --config " + p.config
	}
	return strings.ReplaceAll(text, "--data DIR", where)
}
