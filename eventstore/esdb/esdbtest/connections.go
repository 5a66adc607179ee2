package esdbtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// listen listens at an address, or on a free port below those that the system gives to whoever connects: one of those could be taken while
// the server is down, and a server that is started again wants its own.
func listen(address string) (net.Listener, error) {
	if address != "" {
		return net.Listen("tcp", address)
	}
	const first, count, tries = 20_000, 10_000, 50
	var err error
	for range tries {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.N(count)))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no free port after %d tries: %w", tries, err)
}

// connections are those that are open now.
type connections struct {
	mu      sync.Mutex
	open    map[net.Conn]bool
	changed chan struct{} // closed and replaced by every change
}

func newConnections() *connections {
	return &connections{open: map[net.Conn]bool{}, changed: make(chan struct{})}
}

// change opens or ends one.
func (c *connections) change(conn net.Conn, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.open, conn); open {
		c.open[conn] = true
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *connections) count() (int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.changed
}

func (c *connections) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
}

// Cut closes every connection, as a network does. The server goes on.
func (s *Server) Cut() { s.conns.cut() }

// AwaitConnections waits until at most n connections are open, or for the context's end; it says how many there are then.
func (s *Server) AwaitConnections(ctx context.Context, n int) int {
	for {
		now, changed := s.conns.count()
		if now <= n {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now
		}
	}
}

// tracked is a listener that remembers its connections.
type tracked struct {
	net.Listener
	conns *connections
	line  line
}

// Accept waits for the next connection.
func (l *tracked) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.conns.change(conn, true)
	return &trackedConn{conn, l.conns, l.line}, nil
}

// line is how fast bytes come in; 0 is as fast as they can.
type line struct{ bytesPerSecond int }

// piece is how much a slow line brings at once.
const piece = 4 << 10

type trackedConn struct {
	net.Conn
	conns *connections
	line  line
}

// Read takes what came, at the speed of the line.
func (c *trackedConn) Read(b []byte) (int, error) {
	if c.line.bytesPerSecond == 0 {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b[:min(len(b), piece)])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(c.line.bytesPerSecond))
	return n, err
}

// Close forgets the connection.
func (c *trackedConn) Close() error {
	c.conns.change(c.Conn, false)
	return c.Conn.Close()
}
