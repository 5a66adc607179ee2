package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// What Deps.Submit and Deps.Query answer when they did not do it; whoever wires them maps the engine's errors to these.
var (
	// ErrBusy says that the inbox is full: nothing was recorded.
	ErrBusy = errors.New("the inbox is full")
	// ErrStopped says that the engine takes nothing more: nothing was recorded.
	ErrStopped = errors.New("the engine has stopped")
	// ErrOutcomeUnknown says that it may or may not have been recorded. Every other error counts as this one.
	ErrOutcomeUnknown = errors.New("whether it was recorded is not known")
)

// The states that a Server shows.
const (
	Recovering = "recovering"
	Active     = "active"
	Crashed    = "crashed"
	Stopping   = "stopping"
)

// The limits of the API.
const (
	// MaxBody is the most bytes that a webhook's body has.
	MaxBody = 16 << 10
	// SubmitTimeout is how long a sender waits for its signal to become durable. TradingView hangs up after 3 s; until then
	// it must have heard that the outcome is unknown.
	SubmitTimeout = 2500 * time.Millisecond
	// ReadTimeout is how long a read may wait for its turn at the state.
	ReadTimeout = 2 * time.Second
	// MaxReaders is how many reads may look at the state at a time. The writer serves reads before signals, so that more of
	// them would hold up trading.
	MaxReaders = 8
	// DefaultLimit and MaxLimit bound the rows of a list.
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Options of a Server. Everything may be left out.
type Options struct {
	Secrets        []string       // live secrets of the webhook; none: everything passes (loopback only, held by the configuration)
	Tokens         []Token        // of the API; none: see Server.actor
	AllowCIDRs     []netip.Prefix // whoever may send signals; none: everybody
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Now            func() time.Time
	Heartbeat      time.Duration // of a stream; 0: the constant
	Logger         *slog.Logger
	Build          string
	Instance       string
}

// Reply is what became of a submitted command.
type Reply struct {
	Verdict       domain.Verdict
	FirstRevision uint64            // of a duplicate
	Revision      uint64            // of the last event once this one was durable
	Events        []domain.Recorded // recorded for this command
	Refusal       error             // why the rules took nothing of it; signals have none
}

// Deps are the running parts, as functions and readers.
type Deps struct {
	// Submit returns once the command is durable. Errors: ErrBusy, ErrStopped, ErrOutcomeUnknown.
	Submit func(context.Context, domain.Command) (Reply, error)
	// Query lets look read the state between two steps of the writer; look keeps nothing of the state.
	Query   func(ctx context.Context, look func(*domain.State, projections.Head)) error
	Journal *projections.Journal
	History *projections.History
	Waiting func() int           // commands that wait for the writer; nil: not known
	Reports *projections.Reports // of earlier recoveries; nil: none are kept
	// Snapshot says how far the snapshot is; nil: none is configured.
	Snapshot func() projections.FollowerHealth
}

// Server answers HTTP. Its methods may be called from any goroutine.
type Server struct {
	o       Options
	digests [][sha256.Size]byte // of the secrets
	keys    [][]byte            // the secrets as keys of signatures
	entries *entryBudget
	log     *slog.Logger
	now     func() time.Time
	started time.Time
	origin  *http.CrossOriginProtection
	peers   *peerTable
	readers chan struct{}
	metrics *Metrics
	folding chan struct{} // one place: a fold of the past takes a core for seconds
	streams chan struct{}
	handler http.Handler

	heartbeat time.Duration

	mu      sync.RWMutex
	status  string
	reasons []string
	deps    *Deps
	ended   chan struct{} // closed when an active server stops being active
}

// New makes a server that is recovering.
func New(o Options) *Server {
	s := &Server{
		o: o, log: o.Logger, now: o.Now, origin: http.NewCrossOriginProtection(), readers: make(chan struct{}, MaxReaders),
		folding: make(chan struct{}, 1), streams: make(chan struct{}, MaxStreams), heartbeat: Heartbeat,
		status: Recovering, reasons: []string{"the log is being read"},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.Heartbeat > 0 {
		s.heartbeat = o.Heartbeat
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, secret := range o.Secrets {
		s.digests = append(s.digests, sha256.Sum256([]byte(secret)))
		if secret != "" { // nothing is no key
			s.keys = append(s.keys, signingKey(secret))
		}
	}
	s.o.Secrets = nil // digests and keys are enough from here on
	s.started = s.now()
	s.peers, s.entries = newPeerTable(s.now), newEntryBudget(s.now)
	s.metrics = newMetrics(o.Build, o.Instance, s.now)
	s.handler = s.routes()
	return s
}

// Metrics counts what passes; whoever wires the writer hands it each step.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Handler serves everything; it is ready before Activate.
func (s *Server) Handler() http.Handler { return s.handler }

// Activate hands over the running parts: signals are taken from now on.
func (s *Server) Activate(d Deps) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deps, s.status, s.reasons = &d, Active, nil
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
}

// SetStatus shows recovering, active, crashed or stopping, with reasons for people. Only an active server takes signals.
func (s *Server) SetStatus(status string, reasons ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.reasons = status, slices.Clone(reasons)
	if status != Active && s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

// running gives the parts, nil unless the server is active, and what it shows.
func (s *Server) running() (d *Deps, status string, reasons []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.status == Active {
		d = s.deps
	}
	return d, s.status, s.reasons
}

func (s *Server) routes() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = s.answerError
	e.Use(s.identify, s.survive)
	read := func(path string, handle echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, handle, s.needs(Viewer))
	}
	e.POST("/webhook", s.webhook, s.timed)
	read("/api/v1/portfolio", s.portfolio)
	read("/api/v1/positions", s.positions)
	read("/api/v1/positions/:id", s.position)
	read("/api/v1/pyramids", s.pyramids)
	read("/api/v1/orders", s.orders)
	read("/api/v1/orders/:id", s.order)
	read("/api/v1/signals", s.signals)
	read("/api/v1/signals/:id", s.signal)
	read("/api/v1/events", s.events)
	read("/api/v1/state", s.state)
	read("/metrics", s.showMetrics)
	read("/api/v1/limits", s.limits)
	read("/api/v1/format", s.format)
	read("/api/v1/trades", s.trades)
	read("/api/v1/openapi.json", s.openapi)
	read("/api/v1/explain/:id", s.explain)
	read("/api/v1/instances", s.instances)
	read("/api/v1/recovery", s.recovery)
	e.GET("/api/v1/events/stream", s.stream, s.needs(Viewer))
	read("/", s.page)
	s.commandRoutes(e)
	open := []string{http.MethodGet, http.MethodHead}
	e.Match(open, "/static/style.css", s.stylesheet)
	e.Match(open, "/livez", s.livez)
	e.Match(open, "/readyz", s.readyz)
	return e
}

// commandRoutes are what a person may ask for, each with the least role that may.
func (s *Server) commandRoutes(e *echo.Echo) {
	command := func(path string, role Role, handle echo.HandlerFunc) { e.POST("/api/v1/"+path, handle, s.needs(role)) }
	command("halt", Operator, s.setTrading(domain.Halted))
	command("reduce", Operator, s.setTrading(domain.Reducing))
	command("resume", Operator, s.setTrading(domain.Active))
	command("positions/:id/exit", Operator, s.exitPosition)
	command("exits/:id/withdraw", Operator, s.withdrawExit)
	command("close-all", Operator, s.closeAll)
	command("differences/:id/accept", Operator, s.acceptDifference)
	command("capital", Admin, s.moveCapital)
	command("limits", Admin, s.changeLimits)
	command("format/raise", Admin, s.raiseFormat)
}
