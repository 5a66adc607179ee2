package main

import (
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
	queue   chan []byte
	dropped atomic.Int64
	done    chan struct{}

	mu     sync.RWMutex
	closed bool
}

func newLines(to io.Writer) *lines {
	l := &lines{queue: make(chan []byte, maxLines), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for line := range l.queue {
			_, _ = to.Write(line)
			if n := l.dropped.Swap(0); n > 0 {
				_, _ = fmt.Fprintf(to, "%d log lines were dropped here: whoever reads the log was too slow\n", n)
			}
		}
	}()
	return l
}

// Write keeps a copy of one line.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return len(line), nil
	}
	select {
	case l.queue <- append([]byte(nil), line...):
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
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
