package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"pm/domain"
	"pm/domain/engine"
	"pm/projections"
)

// maxReadOn is how often a start reads on because the log had grown when it wrote its first event. Once is usual after a kill, when the last
// append of the dead process arrives late; a log that grows each time has a writer that lives.
const maxReadOn = 8

// begin writes the first events of this start: an empty log is opened, any other gets a new epoch. A log that has grown since it was read is
// read on, and the epoch goes behind what came.
func (s *service) begin(ctx context.Context) error {
	// A stop meanwhile must not tear what is being written from what is known of it. The engine has the stop all the same: it ends the asking
	// of a store that does not say whether it has the first event.
	reading := context.WithoutCancel(ctx)
	for readOn := 0; ; readOn++ {
		err := s.lead(ctx)
		if !errors.Is(err, engine.ErrGrown) || readOn == maxReadOn {
			return err
		}
		s.log.Warn("the log has grown since it was read: reading on", "error", err)
		if err := s.readOn(reading, err); err != nil {
			return err
		}
	}
}

// lead is one attempt to write the first events.
func (s *service) lead(ctx context.Context) error {
	s.engine = engine.New(engine.Options{
		Log: s.store, Broker: s.broker, Instance: s.instance, Build: s.p.build, Uptime: uptime(), Logger: s.log, Observe: s.measure, WatchBars: true, MaxBytes: s.maxBytes(),
	}, s.recovery.State, s.recovery.Head)
	if s.recovery.Head.Next == 0 {
		p := s.cfg.Portfolio
		err := s.engine.Open(ctx, domain.PortfolioOpened{
			ID: p.ID, Currency: p.Currency, InitialCapital: p.InitialCapital, Demo: s.p.demo, Settings: s.cfg.Decision(),
		})
		if err != nil {
			return s.begun(err)
		}
		s.opened = true
		fmt.Fprintf(s.p.out, "portfolio %s opened with %s %s\n", p.ID, p.InitialCapital, p.Currency)
		return nil
	}
	report := s.recovery.Report.JSON()
	name, err := keepReport(s.recoveryFolder(), s.recovery.Report.Finished, report, s.key)
	if err != nil {
		return &halt{Code: codeDataFolder, Err: err, Hint: "see whether the data folder can be written and its disk has room, then start again"}
	}
	sum := sha256.Sum256(report)
	err = s.engine.Start(ctx, completed(&s.recovery.Report, hex.EncodeToString(sum[:])), s.cfg.Decision())
	if errors.Is(err, engine.ErrGrown) {
		s.dropReport(name) // no event will ever name it: the one that is made after reading on says all that it said
	}
	return s.begun(err)
}

// readOn folds what came into the log since it was read and holds it against everything that the recovery was held against: the chain, the
// snapshot, which stands at a revision before it, and the pin were right already, the broker's book is read again.
func (s *service) readOn(ctx context.Context, grown error) error {
	empty := s.recovery.Head.Next == 0
	came, err := s.recovery.ReadOn(ctx, s.store)
	if errors.Is(err, projections.ErrOwnEvent) {
		return s.begun(errors.Join(grown, err))
	}
	if err != nil {
		return s.placed(err)
	}
	r := &s.recovery.Report
	fmt.Fprintf(s.p.out, "read on: %d events had come since the log was read, %s; head %d %s\n", came, openPositions(r), r.HeadRevision, r.HeadHash)
	if empty {
		if err := s.compare(ctx); err != nil {
			return err
		}
	}
	return s.checkBook(ctx)
}

// recoveryFolder holds the reports of the recoveries.
func (s *service) recoveryFolder() string { return filepath.Join(s.cfg.Data, "recovery") }

func (s *service) begun(err error) error {
	if err != nil {
		return s.engineHalt(err)
	}
	return nil
}
