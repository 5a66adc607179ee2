package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// The limits of the HTTP server. A sender has so long for its header and for its whole request; a kept connection may idle so long.
const (
	headerTimeout   = 2 * time.Second
	readTimeout     = 5 * time.Second
	writeTimeout    = 30 * time.Second
	idleTimeout     = 30 * time.Second
	maxHeader       = 16 << 10
	shutdownTimeout = 5 * time.Second // for the answers under way when the service stops
)

// web is the HTTP side.
type web struct {
	api     *api.Server
	server  *http.Server
	address string     // as bound: the port is known even if 0 was asked for
	failed  chan error // the server ended without being asked
}

// serveHealth binds the address; until Activate everything but health answers "recovering".
func (s *service) serveHealth(ctx context.Context) error {
	secrets := make([]string, 0, len(s.cfg.Secrets))
	for _, secret := range s.cfg.Secrets {
		secrets = append(secrets, secret.Reveal())
	}
	w := &web{failed: make(chan error, 1), api: api.New(api.Options{
		Secrets: secrets, Tokens: s.cfg.Tokens, AllowCIDRs: s.cfg.Allow, TrustedProxies: s.cfg.Proxies, Logger: s.log, Build: s.p.build, Instance: s.instance,
	})}
	w.server = &http.Server{
		Handler: w.api.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		// The log is not open yet, and who has it often has the port too: the status is that one's. Where nobody has it, this start is the last.
		s.owns = sqlite.InUse(s.cfg.EventStore.Dir) == nil
		return s.listenHalt(err)
	}
	w.address = listener.Addr().String()
	go func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- err
		}
	}()
	s.web = w
	s.onClose("HTTP", w.server.Close)
	s.log.Info("answering health", "listen", w.address)
	s.warnOfSharedTries(w.address)
	return nil
}

// warnOfSharedTries says that a stranger can hold up signals which carry their secret in the body: wrong secrets are counted by address, and
// all charts of a platform come from the same few.
func (s *service) warnOfSharedTries(listen string) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil || at.Addr().IsLoopback() || len(s.cfg.Secrets) == 0 || len(s.cfg.Proxies) > 0 {
		return
	}
	s.log.Warn("wrong secrets from an address hold up everybody who sends from it with the secret in the body, and http.trusted_proxies is empty: "+
		"docs/OPERATIONS.md, Wrong secrets and shared addresses, says what to do", "listen", listen)
}

// url is where a person on this machine reaches the service.
func (w *web) url() string {
	at, err := netip.ParseAddrPort(w.address)
	if err == nil && at.Addr().IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", portOf(w.address))
	}
	return "http://" + w.address
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// stopIntake takes no more signals and lets the answers under way go out.
func (w *web) stopIntake(failed error) {
	if failed != nil {
		w.api.SetStatus(api.Crashed, failed.Error())
	} else {
		w.api.SetStatus(api.Stopping, "the service was asked to stop")
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	_ = w.server.Shutdown(ctx) // what is left then is cut off by Close
}

// submit hands a command to the engine in the api's words.
func (s *service) submit(ctx context.Context, c domain.Command) (api.Reply, error) {
	r, err := s.engine.Submit(ctx, c)
	if err != nil {
		return api.Reply{}, inWordsOfAPI(err)
	}
	return api.Reply{Verdict: r.Verdict, FirstRevision: r.FirstRevision, Revision: r.Revision, Events: r.Events, Refusal: r.Err}, nil
}

// measure counts a step of the writer.
func (s *service) measure(o engine.Observation) {
	step := api.Step{Events: o.Events, Decision: o.Decision, Append: o.Append}
	for i, c := range o.Commands {
		if signal, ok := c.(domain.SubmitSignal); ok {
			step.Signals = append(step.Signals, api.JudgedSignal{
				Type: signal.Signal.Type, Instrument: signal.Signal.Instrument, Verdict: o.Results[i].Verdict, Reasons: api.ReasonsIn(o.Results[i].Events),
			})
		}
	}
	s.web.api.Metrics().Observe(step)
}

func (s *service) query(ctx context.Context, look func(*domain.State, projections.Head)) error {
	err := s.engine.Query(ctx, func(st *domain.State, head eventstore.Head) { look(st, projections.HeadOf(head)) })
	if err != nil {
		return inWordsOfAPI(err)
	}
	return nil
}

// inWordsOfAPI turns the engine's three answers into the api's; any other error is one of which nothing is known.
func inWordsOfAPI(err error) error {
	switch {
	case errors.Is(err, engine.ErrBusy):
		return errors.Join(api.ErrBusy, err)
	case errors.Is(err, engine.ErrStopped):
		return errors.Join(api.ErrStopped, err)
	}
	return errors.Join(api.ErrOutcomeUnknown, err)
}
