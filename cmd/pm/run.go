package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"pm/api"
	"pm/cmd/internal/config"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/signature"
	"pm/projections"
)

// service is a running pm. The fields are filled in the order of the recipe in run.
type service struct {
	p        *program
	cfg      *config.Config
	log      *slog.Logger
	instance string
	drainLog func(context.Context) // returns when the log lines written so far are out

	web   *web
	store eventstore.Log
	// remembers asks a store across the wire whether it keeps every event; nil for other logs.
	remembers func(context.Context) error
	key       *signature.Key       // nil with a log in memory
	snapshot  projections.Snapshot // nil: none is configured
	pinned    eventstore.Head      // of the pin that was written last
	recovery  *projections.Recovery
	follower  *projections.Follower // of the snapshot
	broker    engine.Broker
	engine    *engine.Engine
	history   *projections.History

	room       func(dir string) (free, total uint64, err error) // bytes of the file system
	tight      bool                                             // the last look found too little room
	unmeasured sync.Once

	owns    bool     // the log is open for this process alone
	opened  bool     // this start wrote the first event
	closers []closer // what was opened, in order
}

// closer ends a part of the service.
type closer struct {
	what  string
	close func() error
}

func newService(p *program, cfg *config.Config, log *slog.Logger) *service {
	suffix := make([]byte, 2)
	_, _ = rand.Read(suffix) // never fails
	instance := fmt.Sprintf("%s-%d-%s", hostname(), os.Getpid(), hex.EncodeToString(suffix))
	return &service{p: p, cfg: cfg, log: log, instance: instance, history: projections.NewHistory(), room: diskRoom, drainLog: func(context.Context) {}}
}

// run is the recipe of every start: first, restart, after a crash. Nothing trades before the last step, and a step that fails ends
// the process. nil means that the service was asked to stop and did.
func (s *service) run(ctx context.Context) error {
	defer s.closeAll()
	for _, step := range []func(context.Context) error{
		s.makeDataFolder,
		s.serveHealth, // from here on the port answers, with "recovering"
		s.openLog,
		s.loadKey,
		s.openSnapshot,
		s.recover, // reads everything, compares, writes nothing
		s.checkPin,
		s.compare,
		s.openHistory,
		s.openBroker,
		s.checkBook,
		s.begin, // the first event of this start
		s.checkDisk,
		s.newFollower,
	} {
		if ctx.Err() != nil {
			return s.crashed(nil)
		}
		if err := step(ctx); err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				s.log.Info("stopped during the start")
				return s.crashed(nil)
			}
			return s.crashed(err)
		}
	}
	s.stand(standingActive, nil)
	return s.crashed(s.trade(ctx))
}

// trade runs the writer, the effects and the history until the context ends or the writer does. A stop goes in this order: no more
// signals, the sends that have begun come to their reports, the writer ends, the log closes.
func (s *service) trade(ctx context.Context) error {
	outlasting := context.WithoutCancel(ctx) // each part ends at its turn
	effectsCtx, stopEffects := context.WithCancel(outlasting)
	writerCtx, stopWriter := context.WithCancel(outlasting)
	readerCtx, stopReader := context.WithCancel(outlasting)
	followerCtx, stopFollower := context.WithCancel(outlasting)
	var effects, reader, follower sync.WaitGroup
	defer reader.Wait()
	defer stopReader()
	defer follower.Wait()
	defer stopFollower()
	writer := make(chan error, 1)
	effects.Go(func() { s.engine.RunEffects(effectsCtx) })
	reader.Go(func() { s.follow(readerCtx) })
	follower.Go(func() { s.followSnapshot(followerCtx) })
	reader.Go(func() { s.open(readerCtx) })
	reader.Go(func() { s.watchDisk(readerCtx) })
	corrupt := make(chan error, 1)
	reader.Go(func() {
		if err := s.pinHeads(readerCtx); err != nil {
			corrupt <- err
		}
	})
	go func() {
		writer <- s.engine.Run(writerCtx)
		close(writer)
	}()

	failed := s.await(ctx, writer, corrupt)
	s.web.stopIntake(failed)
	stopReader()
	stopEffects()
	effects.Wait()
	stopWriter()
	if err := <-writer; failed == nil { // waits for the writer, or finds that it has ended before
		failed = err
	}
	if failed != nil {
		return s.halted(failed)
	}
	s.awaitSnapshot()
	reader.Wait()
	if err := s.pinLast(outlasting); err != nil {
		return err
	}
	fmt.Fprintln(s.p.out, "stopped; everything that was answered is on the disk")
	return nil
}

// await returns when the service is to end: nil if it was asked to.
func (s *service) await(ctx context.Context, writer, corrupt <-chan error) error {
	select {
	case <-ctx.Done():
		s.log.Info("stopping")
		return nil
	case err := <-writer:
		s.log.Error("the writer has ended", "error", err)
		return err
	case err := <-corrupt:
		s.log.Error("the log is corrupt: nothing more is taken", "error", err)
		return err
	case err := <-s.web.failed:
		s.log.Error("the HTTP server has ended", "error", err)
		return s.listenHalt(err)
	}
}

// halted gives an error of the writer its code; one that has a code keeps it.
func (s *service) halted(err error) error {
	var h *halt
	if errors.As(err, &h) {
		return h
	}
	return s.engineHalt(err)
}

// follow keeps the lists of the past. Trading does not need them: when they end, health says so and trading goes on.
func (s *service) follow(ctx context.Context) {
	if err := s.history.Follow(ctx, s.store); err != nil {
		s.log.Error("the lists of the past have ended", "error", err)
	}
}

// open takes signals from now on and says so; a new demo gets its sample signals.
func (s *service) open(ctx context.Context) {
	s.web.api.Activate(api.Deps{
		Submit: s.submit, Query: s.query, Journal: projections.NewJournal(s.store), History: s.history, Waiting: s.engine.Waiting,
		Snapshot: s.snapshotHealth(),
		Reports:  projections.NewReports(os.DirFS(s.recoveryFolder())),
	})
	s.log.Info("active", "instance", s.instance, "build", s.p.build, "listen", s.web.address)
	fmt.Fprintf(s.p.out, "pm %s takes signals at %s/webhook; dashboard: %s/\n", s.p.build, s.web.url(), s.web.url())
	if s.p.ready != nil {
		s.p.ready(s.web.address)
	}
	if s.p.demo {
		s.feedDemo(ctx)
	}
}

// closeAll ends what was opened, last first.
func (s *service) closeAll() {
	for _, c := range slices.Backward(s.closers) {
		if err := c.close(); err != nil {
			s.log.Error("close", "what", c.what, "error", err)
		}
	}
}

func (s *service) onClose(what string, end func() error) {
	s.closers = append(s.closers, closer{what, end})
}
