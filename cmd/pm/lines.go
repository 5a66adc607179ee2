package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxLines is how many log lines may wait for whoever reads the log; what comes beyond is dropped and counted.
	maxLines = 4096
	// flushTimeout is how long an end waits for the last lines to be read.
	flushTimeout = time.Second
)

// lines takes log lines and never waits: the writer of the log of events says each step on its own goroutine, so a terminal that is
// paused or a pipe that nobody reads would hold up orders.
type lines struct {
	queue   chan line
	dropped atomic.Int64
	done    chan struct{}

	mu     sync.RWMutex
	closed bool
}

// line is a log line, or a mark that is closed when everything before it is out.
type line struct {
	text []byte
	out  chan struct{}
}

func newLines(to io.Writer) *lines {
	l := &lines{queue: make(chan line, maxLines), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for next := range l.queue {
			if next.out != nil {
				close(next.out)
				continue
			}
			_, _ = to.Write(next.text)
			if n := l.dropped.Swap(0); n > 0 {
				_, _ = fmt.Fprintf(to, "%d log lines were dropped here: whoever reads the log was too slow\n", n)
			}
		}
	}()
	return l
}

// Write keeps a copy of one line.
func (l *lines) Write(text []byte) (int, error) {
	if !l.put(line{text: append([]byte(nil), text...)}) {
		l.dropped.Add(1)
	}
	return len(text), nil
}

// put says whether there was room.
func (l *lines) put(next line) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return true // nobody reads any more
	}
	select {
	case l.queue <- next:
		return true
	default:
		return false
	}
}

// Drain returns when every line written so far is out, or when the context ends. With so many lines waiting that not even the mark finds
// room it returns at once: nobody reads.
func (l *lines) Drain(ctx context.Context) {
	out := make(chan struct{})
	if !l.put(line{out: out}) {
		return
	}
	select {
	case <-out:
	case <-l.done:
	case <-ctx.Done():
	}
}

// Close lets what waits go out, for flushTimeout at most.
func (l *lines) Close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(flushTimeout):
	}
}
