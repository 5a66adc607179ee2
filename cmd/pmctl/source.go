package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/sqlite"
)

// Where things are when nobody says.
const (
	defaultServer = "http://127.0.0.1:8080"
	defaultData   = "./data"
)

// logFolder is the log's folder in a data folder.
const logFolder = "log"

// fromLog says whether reads go to the log and not to a service.
func (c *cli) fromLog() bool { return c.data != "" || c.eventstore != "" }

// serverURL is the service to ask, without a slash at its end.
func (c *cli) serverURL() string {
	for _, url := range []string{c.server, c.env("PM_SERVER")} {
		if url != "" {
			if !strings.Contains(url, "://") {
				url = "http://" + url
			}
			return strings.TrimRight(url, "/")
		}
	}
	return defaultServer
}

// logDir is the folder that holds the log: the one of --eventstore, else that of the data folder.
func (c *cli) logDir() (string, error) {
	if c.eventstore != "" {
		dir, ok := strings.CutPrefix(c.eventstore, "sqlite://")
		if remote(c.eventstore) {
			return "", fmt.Errorf("--eventstore %s has no folder on this machine, which this question needs: name pm's data folder with --data", esdb.Redacted(c.eventstore))
		}
		if !ok || dir == "" {
			return "", fmt.Errorf("--eventstore %s: this build reads sqlite://DIR and esdb://HOST:PORT?portfolio=ID", esdb.Redacted(c.eventstore))
		}
		return dir, nil
	}
	dir := c.data
	if dir == "" {
		dir = defaultData
	}
	return logIn(dir), nil
}

// logIn is the log's folder in a data folder, or the folder itself where it holds the log.
func logIn(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, sqlite.FileName)); err == nil {
		return dir
	}
	return filepath.Join(dir, logFolder)
}

// openLog opens the log for reading. It has to be closed.
func (c *cli) openLog(ctx context.Context) (eventstore.Log, error) {
	if remote(c.eventstore) {
		address, p := remoteLog(c.eventstore)
		return openStream(ctx, address, p)
	}
	dir, err := c.logDir()
	if err != nil {
		return nil, err
	}
	log, err := sqlite.OpenReader(dir)
	if errors.Is(err, sqlite.ErrNoLog) {
		return nil, fmt.Errorf("%w: name pm's data folder with --data", err)
	}
	if err != nil {
		return nil, err
	}
	return log, nil
}

// redacted is an address with its portfolio and without its password.
func redacted(address string) string {
	address, p := remoteLog(address)
	return esdb.WithPortfolio(esdb.Redacted(address), p)
}

// errNoStream says that nothing was ever written to a portfolio's stream: a name that was mistyped has no events either, and whoever
// reads it must not be told that all is well.
var errNoStream = errors.New("there is no log")

// openStream opens a log across the wire for reading.
func openStream(ctx context.Context, address string, p domain.PortfolioID) (eventstore.Log, error) {
	log, err := esdb.OpenReader(ctx, address, p, esdb.Options{OpenWaits: []time.Duration{}})
	if err != nil {
		return nil, err
	}
	head, err := log.Head(ctx)
	if err == nil && head.Next == 0 {
		err = fmt.Errorf("%w of portfolio %q at %s: its stream %s does not exist; check the address and the portfolio in it (?portfolio=ID, or portfolio.id of the configuration)",
			errNoStream, p, esdb.Redacted(address), esdb.Stream(p))
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return log, nil
}

// remote says whether an address is that of a log across the wire.
func remote(address string) bool {
	return strings.HasPrefix(address, "esdb://") || strings.HasPrefix(address, "esdb+discover://")
}

// defaultPortfolio is the one of an address that names none: the same as pm's own.
const defaultPortfolio = "main"

// remoteLog takes an address apart: esdb://...?portfolio=ID.
func remoteLog(address string) (string, domain.PortfolioID) {
	address, p := esdb.CutPortfolio(address)
	return address, cmp.Or(p, defaultPortfolio)
}

// withLog runs a reading of the log and closes it.
func (c *cli) withLog(ctx context.Context, read func(eventstore.Log) error) error {
	log, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	return errors.Join(read(log), log.Close())
}

// fold reads the log from its beginning into a state. each, if set, sees every event before it is applied. A log that does not verify
// and an event that cannot follow are *eventstore.Corrupt.
func fold(ctx context.Context, log eventstore.Log, state *domain.State, each func(domain.Recorded, eventstore.Hash) error) (eventstore.Head, error) {
	return eventstore.Replay(ctx, log, 0, func(r domain.Recorded, h eventstore.Hash) error {
		if each != nil {
			if err := each(r, h); err != nil {
				return err
			}
		}
		return apply(state, r)
	})
}

// apply takes one event into the state; one that cannot follow is damage, like a broken chain.
func apply(state *domain.State, r domain.Recorded) error {
	if err := state.Apply(r); err != nil {
		return &eventstore.Corrupt{Rev: r.Rev, Reason: err.Error()}
	}
	return nil
}
