package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pm/adapters/broker/paper"
	sqliteindex "pm/adapters/sqlite"
	"pm/cmd/internal/durable"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// makeDataFolder makes the folder for its owner alone: positions and equity are nobody else's business.
func (s *service) makeDataFolder(context.Context) error {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return &halt{Code: codeDataFolder, Err: fmt.Errorf("make the data folder: %w", err), Hint: "name a folder that can be written with --data DIR"}
	}
	// pmctl takes the folder of a log for a data folder, to read it; pm must not, to write beside it.
	if _, err := os.Stat(filepath.Join(s.cfg.Data, sqlite.FileName)); err == nil && s.cfg.EventStore.Dir != s.cfg.Data {
		return &halt{
			Code: codeDataFolder, Err: fmt.Errorf("%s is the folder of a log: %s is in it, and a new portfolio would be opened inside", s.cfg.Data, sqlite.FileName),
			Hint: fmt.Sprintf("name the data folder, most likely the one above: --data %s; for a log that stands alone, make a folder and put it into DIR/log",
				filepath.Dir(filepath.Clean(s.cfg.Data))),
		}
	}
	return nil
}

// openLog takes the log for this process alone.
func (s *service) openLog(ctx context.Context) error {
	if s.cfg.EventStore.Server {
		log, err := s.openRemote(ctx)
		if err != nil {
			return err
		}
		s.store = log
	} else if s.cfg.EventStore.Memory {
		s.log.Warn("the log is in memory: everything is gone when pm ends")
		s.store = eventstore.NewMemory(s.cfg.Portfolio.ID)
	} else {
		log, err := sqlite.Open(s.cfg.EventStore.Dir, s.cfg.Portfolio.ID, s.instance)
		if err != nil {
			var locked *sqlite.Locked
			s.owns = !errors.As(err, &locked) // nobody else speaks for a log that cannot be opened
			return s.logHalt(err)
		}
		s.store = log
	}
	s.owns = true
	s.onClose("log", s.store.Close)
	s.stand(recoveringStatus, nil)
	return nil
}

// historyFile holds the lists of the past. It is made again from the log whenever it is missing or does not fit.
const historyFile = "history.db"

// openHistory opens the lists of the past. A file that cannot be used must not keep anybody from trading: the newest rows are kept in
// memory then, and the log says why.
func (s *service) openHistory(context.Context) error {
	if s.cfg.EventStore.Memory {
		return nil
	}
	path := filepath.Join(s.cfg.Data, historyFile)
	if err := durable.Create(path, nil); err != nil && !errors.Is(err, fs.ErrExist) { // for its owner alone, also in a folder that others can read
		s.log.Warn("the file of the lists of the past cannot be made", "error", err)
	}
	index, err := sqliteindex.Open(path)
	if err != nil {
		s.log.Error("the lists of the past are kept in memory only", "error", err)
		return nil
	}
	s.onClose("history", index.Close)
	s.history = projections.NewHistoryIn(index)
	return nil
}

var errSeen = errors.New("the first event has been seen")

// compare holds what is written once against the configuration. Differing is no reason to stop, and changes nothing either.
func (s *service) compare(ctx context.Context) error {
	if s.recovery.Head.Next == 0 {
		return nil
	}
	var first *domain.PortfolioOpened
	_, err := eventstore.Replay(ctx, s.store, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		first, _ = r.Event.(*domain.PortfolioOpened)
		return errSeen
	})
	if !errors.Is(err, errSeen) {
		return s.logHalt(fmt.Errorf("read the first event: %w", err))
	}
	if want := s.cfg.Portfolio.InitialCapital; first != nil && !first.InitialCapital.Equal(want) {
		s.finding(fmt.Sprintf("portfolio.initial_capital is %s in the configuration and %s in the log: capital is set once; "+
			"use pmctl capital deposit AMOUNT or pmctl capital withdraw AMOUNT to move money",
			want, first.InitialCapital))
	}
	if s.p.demo && !s.recovery.State.Demo {
		s.finding("--demo does nothing here: the log has events already and is no demo")
	}
	return nil
}

// finding is noticed, said and kept in the report.
func (s *service) finding(text string) {
	s.log.Warn(text)
	s.recovery.Report.Findings = append(s.recovery.Report.Findings, text)
}

// openBroker opens the paper broker's book. It belongs to one log, so a log in memory gets a book that ends with it.
func (s *service) openBroker(context.Context) error {
	dir := filepath.Join(s.cfg.Data, "paper")
	if s.cfg.EventStore.Memory {
		temporary, err := os.MkdirTemp("", "pm-paper-")
		if err != nil {
			return brokerHalt(err)
		}
		s.onClose("temporary book", func() error { return os.RemoveAll(temporary) })
		dir = temporary
	}
	b, err := paper.Open(dir, s.cfg.Paper)
	if err != nil {
		return brokerHalt(err)
	}
	s.onClose("broker", b.Close)
	s.broker = b
	return demoAllowed(s.recovery.State.Demo, b.Traits().Sandbox)
}

func brokerHalt(err error) error {
	return &halt{
		Code: codeBrokerUnavailable, Err: fmt.Errorf("open the broker: %w", err),
		Hint: "a broker that fails is never replaced by another: mend what the message says, then start again",
	}
}

// demoAllowed keeps a demo's invented positions away from real money.
func demoAllowed(demo, sandbox bool) error {
	if demo && !sandbox {
		return &halt{
			Code: codeBrokerMismatch, Err: errors.New("the log is a demo and the broker is real"),
			Hint: "give the real portfolio a folder of its own with --data DIR",
		}
	}
	return nil
}
