package esdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/metadata"
)

const (
	// maxIdle is how many connected clients wait for their next caller.
	maxIdle = 4
	// maxBusy is how many calls run at the same time, readings included. Beyond it a call is refused rather than left to wait.
	maxBusy = 64
)

// clients is a stock of the library's clients. Each has at most one caller at a time, because the library cannot bear more when the
// server is away; one that failed is closed and another is made.
type clients struct {
	config   *client.Configuration
	patience patience

	mu       sync.Mutex
	idle     []*client.Client
	busy     int
	closed   bool
	follower bool // a server has said that another one leads
}

// answer is what a call came to.
type answer[T any] struct {
	value T
	err   error
}

// call runs f with a client of its own, within limit once the client is connected. When the time is over it returns at once, even if the
// library does not: the client then belongs to the call that is still under way, and ends with it.
func call[T any](ctx context.Context, c *clients, limit time.Duration, f func(context.Context, *client.Client) (T, error)) (T, error) {
	var none T
	one, err := c.connected(ctx)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(leaderOnly(ctx), limit)
	defer cancel()
	return await(ctx, func() (T, error) {
		value, err := guarded(func() (T, error) { return f(ctx, one) })
		c.put(one, err)
		return value, err
	})
}

// ask is a call that changes nothing. A client from stock may stand on a connection that has ended meanwhile, so a failure that comes
// before the time is over is asked once more.
func ask[T any](ctx context.Context, c *clients, f func(context.Context, *client.Client) (T, error)) (T, error) {
	began := time.Now()
	value, err := call(ctx, c, c.patience.read, f)
	if kindOf(err) == away && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil && time.Since(began) < c.patience.read {
		return call(ctx, c, c.patience.read, f)
	}
	return value, err
}

// leaderOnly asks for the leader. The library means to and puts the header where nobody sends it.
func leaderOnly(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
}

// await runs f on a goroutine of its own and returns with it or with the context, whichever ends first.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	done := make(chan answer[T], 1)
	go func() {
		value, err := f()
		done <- answer[T]{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-done: // it came at the same moment
		return a.value, a.err
	default:
		var none T
		return none, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// guarded turns a panic of the library into an error: it has one for each message that it does not know.
func guarded[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the client library panicked: %v", ErrUnavailable, p)
		}
	}()
	value, err = f()
	return value, inWords(err)
}

// connected takes a client that has found its server, or makes one. Its caller must put it back.
func (c *clients) connected(ctx context.Context) (*client.Client, error) {
	one, err := c.take()
	if one != nil || err != nil {
		return one, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience.connect)
	defer cancel()
	config, err := c.direct(ctx)
	if err == nil {
		one, err = client.NewClient(config)
	}
	if err != nil {
		c.put(nil, err)
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return c.connect(ctx, one)
}

// connect lets a client find its server. The library is deaf to the context meanwhile; a client that finds it too late goes into stock.
func (c *clients) connect(ctx context.Context, one *client.Client) (*client.Client, error) {
	done, left := make(chan error), make(chan struct{})
	defer close(left)
	go func() {
		_, err := guarded(func() (*client.ServerVersion, error) { return one.GetServerVersion() })
		select {
		case done <- err:
		case <-left:
			c.put(one, err)
		}
	}()
	select {
	case err := <-done:
		if err != nil {
			c.put(one, err)
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return one, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// take counts one caller more and gives it a client from stock, nil if there is none.
func (c *clients) take() (*client.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosedClients
	}
	if c.busy == maxBusy {
		return nil, fmt.Errorf("%w: %d calls run already", ErrUnavailable, maxBusy)
	}
	c.busy++
	if len(c.idle) == 0 {
		return nil, nil
	}
	one := c.idle[len(c.idle)-1]
	c.idle = c.idle[:len(c.idle)-1]
	return one, nil
}

var errClosedClients = errors.New("the clients are closed")

// put ends a caller. Its client goes back into stock if what it answered was an answer of a sound server.
func (c *clients) put(one *client.Client, err error) {
	c.mu.Lock()
	c.busy--
	keep := one != nil && kindOf(err) != away && !c.closed && len(c.idle) < maxIdle
	var stale []*client.Client
	if keep {
		c.idle = append(c.idle, one)
	} else if one != nil {
		stale = append(stale, one)
	}
	if isNotLeader(err) { // those in stock stand where this one stood
		c.follower, stale, c.idle = true, append(stale, c.idle...), nil
	}
	c.mu.Unlock()
	for _, one := range stale {
		_ = one.Close() // it never fails
	}
}

// close ends the clients in stock; those under way end with their calls.
func (c *clients) close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, one := range idle {
		_ = one.Close()
	}
}
