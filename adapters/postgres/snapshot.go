package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pm/projections"
)

const (
	// ConnectTimeout is how long one attempt to connect may take.
	ConnectTimeout = 2 * time.Second
	// MaxIdle is how many connections are kept for the next call: one that writes and one that reads.
	MaxIdle = 2
	// goodbye is how long a transaction that failed may take to end in good order; then its connection is cut.
	goodbye = time.Second
)

var errClosed = errors.New("the snapshot is closed")

// Snapshot is the tables of one schema. Its methods may be called from any goroutine; calls at the same time use connections of their
// own.
type Snapshot struct {
	config *pgx.ConnConfig
	name   string
	beside bool // this is the version that is being built

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
	next   *Snapshot
}

var _ projections.Snapshot = (*Snapshot)(nil)

// Open makes a snapshot of a URL, postgres://user:password@host:port/database?search_path=schema&sslmode=..., or of the words
// that libpq takes. It does not connect, so a server that is down is met by the first call. The error of a URL that cannot be read
// does not hold its password.
func Open(url string) (*Snapshot, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	plainFirst(&config.Config)
	config.ConnectTimeout = ConnectTimeout
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "pm"
	}
	for name, value := range map[string]string{
		"timezone": "UTC", "datestyle": "ISO, YMD", "client_encoding": "UTF8", "standard_conforming_strings": "on", "bytea_output": "hex",
		"default_transaction_read_only": "off", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0",
	} {
		config.RuntimeParams[name] = value
	}
	return &Snapshot{config: config, name: nameOf(config)}, nil
}

// plainFirst asks a server on this machine for encryption after the plain attempt and not before it, where the URL leaves it open (sslmode
// prefer, which is also what no sslmode means): a server that has none is called twice otherwise, which costs every start a process of it.
// What passes over the loopback address nobody hears but who may read this process, too.
func plainFirst(c *pgconn.Config) {
	local := c.Host == "localhost" || net.ParseIP(c.Host).IsLoopback()
	if open := len(c.Fallbacks) == 1 && c.Fallbacks[0].TLSConfig == nil; local && open {
		c.TLSConfig, c.Fallbacks[0].TLSConfig = nil, c.TLSConfig
	}
}

// nameOf is where a snapshot lives, without user and password.
func nameOf(c *pgx.ConnConfig) string {
	name := "postgres://" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
	if strings.HasPrefix(c.Host, "/") {
		name = "postgres:///" + c.Database + "?host=" + c.Host
	}
	if path := c.RuntimeParams["search_path"]; path != "" {
		name += " (" + path + ")"
	}
	return name
}

// String names host, port, database and schema.
func (s *Snapshot) String() string { return s.name }

// Close ends all connections. A call that is running keeps its own until it is done.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	idle, next := s.idle, s.next
	s.idle, s.next, s.closed = nil, nil, true
	s.mu.Unlock()
	if next != nil {
		_ = next.Close() // it has no error
	}
	for _, conn := range idle {
		hangUp(conn)
	}
	return nil
}

// begin opens a transaction with its first statements and gives their results. They must change nothing: on a connection that died
// while it was idle they are repeated on another.
func (s *Snapshot) begin(ctx context.Context, sql string) (*pgconn.PgConn, []*pgconn.Result, error) {
	for {
		conn, used, err := s.take(ctx)
		if err != nil {
			return nil, nil, unavailable(err)
		}
		results, err := conn.Exec(ctx, sql).ReadAll()
		if err == nil {
			return conn, results, nil
		}
		dead := conn.IsClosed()
		s.give(conn)
		if !dead || !used || ctx.Err() != nil {
			return nil, nil, classify(err)
		}
	}
}

// take gives an idle connection, or makes one.
func (s *Snapshot) take(ctx context.Context) (conn *pgconn.PgConn, used bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := len(s.idle); {
	case s.closed:
		return nil, false, errClosed
	case n > 0:
		conn, s.idle = s.idle[n-1], s.idle[:n-1]
		return conn, true, nil
	}
	s.mu.Unlock() // whoever connects must not keep others waiting
	conn, err = pgconn.ConnectConfig(ctx, &s.config.Config)
	s.mu.Lock()
	return conn, false, err
}

// give takes a connection back. A transaction that is still open on it is rolled back.
func (s *Snapshot) give(conn *pgconn.PgConn) {
	if !conn.IsClosed() && conn.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		_, err := conn.Exec(ctx, "ROLLBACK").ReadAll()
		cancel()
		if err != nil {
			hangUp(conn)
		}
	}
	s.mu.Lock()
	keep := !s.closed && len(s.idle) < MaxIdle && !conn.IsClosed() && !conn.IsBusy()
	if keep {
		s.idle = append(s.idle, conn)
	}
	s.mu.Unlock()
	if !keep {
		hangUp(conn)
	}
}

func hangUp(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = conn.Close(ctx) // there is nobody to tell
}

// away are the conditions of the server that another try may find gone: by class, the first two letters of the code, or by code.
var away = []string{
	"08", "28", "3D", "53", "57", "58", "40", // connection, authorization, database, resources, operator, system, rollback
	"55P03", "55006", "25006", "42501", // a lock, an object in use, a server that only reads, a permission that is missing
}

// missing are the conditions of tables that are not what they should be, or whose pages cannot be read.
var missing = []string{"42P01", "42703", "42P07", "42P10", "3F000", "42809", "42883", "42804", "42846", "22P02", "XX000", "XX001", "XX002"}

// classify says what an error of the server or of the connection means to the caller.
func classify(err error) error {
	var told *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &told): // not the server's word: the connection is gone, or the context has ended
		return unavailable(err)
	case slices.Contains(missing, told.Code):
		return fmt.Errorf("%w: %w", projections.ErrSnapshotDamaged, err)
	case slices.Contains(away, told.Code), slices.Contains(away, told.Code[:2]):
		return unavailable(err)
	}
	return err
}

// noSuchTable says whether an error is that of a table that is not there.
func noSuchTable(err error) bool {
	var told *pgconn.PgError
	return errors.As(err, &told) && told.Code == "42P01"
}

func unavailable(err error) error {
	if errors.Is(err, errClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", projections.ErrSnapshotUnavailable, err)
}
