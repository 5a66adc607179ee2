package eventstore

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"pm/domain"
)

// Replay reads a log from a revision to its head and hands out each event after every check of it and of the chain. With from > 0
// the record before is read and checked too, so that the first event is linked to it.
//
// Hashing and decoding run on all cores, the chain and each run on the caller's goroutine in the order of the log. The first error
// ends it: *Corrupt, *UnknownEvent, each's own, the context's or the log's. The head is what was verified up to then. A log that reads from a copy
// is asked before a record is blamed: it may answer that the copy was at fault, and the next reading is sound.
func Replay(ctx context.Context, log Log, from uint64, each func(domain.Recorded, Hash) error) (Head, error) {
	head, err := present.replay(ctx, log, from, each)
	return head, rechecked(ctx, log, err)
}

// rechecked is what a log that reads from a copy makes of the error of a reader, once that has ended. Records run ahead of whoever checks
// them, so the log cannot learn of it in the reading itself.
func rechecked(ctx context.Context, log Log, err error) error {
	copied, ok := log.(interface {
		Recheck(ctx context.Context, found error) error
	})
	if err == nil || !ok {
		return err
	}
	return copied.Recheck(ctx, err)
}

func (c *codec) replay(ctx context.Context, log Log, from uint64, each func(domain.Recorded, Hash) error) (Head, error) {
	before, err := log.Head(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("read the head of the log: %w", err)
	}
	if from > before.Next {
		return Head{}, fmt.Errorf("there is no revision %d: the log ends at %s", from-1, before)
	}
	head, err := c.run(ctx, log.Portfolio(), from, log.Read, each)
	if err == nil && head.Next < before.Next {
		return head, &Corrupt{head.Next, fmt.Sprintf("the log ends early: its head is %s", before)}
	}
	return head, err
}

// Tail does what Replay does and goes on with what is appended later. It returns the error that ended it, at the latest the context's.
func Tail(ctx context.Context, log Log, from uint64, each func(domain.Recorded, Hash) error) (Head, error) {
	head, err := present.run(ctx, log.Portfolio(), from, log.Follow, each)
	return head, rechecked(ctx, log, err)
}

// pipelineDepth is how many chunks may wait for a worker or for their turn: enough that neither reading nor checking stops for the other.
const pipelineDepth = 8

// batch is a chunk on its way: read, opened by a worker, then linked in order.
type batch struct {
	recs   []Record
	opened []opened
	err    error // of the record after the opened ones
	done   chan struct{}
}

// pipeline is one run of Replay or Tail.
type pipeline struct {
	ctx   context.Context
	work  chan *batch // to the workers, any order
	order chan *batch // to the caller, the order of the log
	free  chan *batch
	wg    sync.WaitGroup
	err   error // of the source; set before order is closed
}

// run starts a reader and workers, links what they deliver, and leaves no goroutine behind.
func (c *codec) run(ctx context.Context, p domain.PortfolioID, from uint64,
	source func(context.Context, uint64, func([]Record) error) error, each func(domain.Recorded, Hash) error,
) (Head, error) {
	start := from
	if from > 0 {
		start = from - 1
	}
	v := newVerifier(p, c)
	v.StartAt(start)
	ctx, cancel := context.WithCancel(ctx)
	line := &pipeline{ctx: ctx, work: make(chan *batch, pipelineDepth), order: make(chan *batch, pipelineDepth), free: make(chan *batch, pipelineDepth)}
	for range pipelineDepth {
		line.free <- &batch{done: make(chan struct{}, 1)}
	}
	defer line.wg.Wait()
	defer cancel()
	for range max(1, runtime.GOMAXPROCS(0)) {
		line.wg.Go(func() { line.open(newOpener(c)) })
	}
	line.wg.Go(func() { line.read(start, source) })
	return v.drain(line, from, each)
}

// read feeds the line until the source ends.
func (l *pipeline) read(start uint64, source func(context.Context, uint64, func([]Record) error) error) {
	defer close(l.order)
	defer close(l.work)
	l.err = source(l.ctx, start, func(recs []Record) error {
		select {
		case b := <-l.free:
			b.recs = recs
			// Neither channel can be full: there are no more batches than places.
			l.order <- b
			l.work <- b
			return nil
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	})
}

// open is a worker: it opens the records of a batch up to the first that it cannot open.
func (l *pipeline) open(o *opener) {
	for b := range l.work {
		b.err = nil
		if cap(b.opened) < len(b.recs) {
			b.opened = make([]opened, 0, max(len(b.recs), ChunkRecords))
		}
		b.opened = b.opened[:len(b.recs)]
		for i := range b.recs {
			if b.err = o.open(&b.recs[i], &b.opened[i]); b.err != nil {
				b.opened = b.opened[:i]
				break
			}
		}
		b.done <- struct{}{}
	}
}

// drain links the opened records and hands them out.
func (v *Verifier) drain(l *pipeline, from uint64, each func(domain.Recorded, Hash) error) (Head, error) {
	for b := range l.order {
		<-b.done
		for i := range b.opened {
			op := &b.opened[i]
			if err := v.link(op); err != nil {
				return v.head, err
			}
			if op.Rev < from {
				continue
			}
			if err := each(op.Recorded, op.hash); err != nil {
				return v.head, err
			}
		}
		if b.err != nil {
			return v.head, b.err
		}
		b.recs = nil
		l.free <- b
	}
	return v.head, l.err
}
