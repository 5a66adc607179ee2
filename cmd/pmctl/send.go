package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// The limits of sending.
const (
	maxSenders = 256
	// firstWait is the wait behind a failed attempt; it doubles up to --retry-wait.
	firstWait = 100 * time.Millisecond
	// firstPoll is the wait between two looks at the orders of an instrument; it doubles up to lastPoll.
	firstPoll = 10 * time.Millisecond
	lastPoll  = 250 * time.Millisecond
)

// sendFlags are the flags of the send verb.
type sendFlags struct {
	concurrency         int
	stamp               string
	retry, waitOrders   bool
	retryFor, retryWait time.Duration
}

func (c *cli) sendCommand() *cobra.Command {
	f := &sendFlags{}
	cmd := &cobra.Command{
		Use: "send FILE|-...", Short: "posts signals to the webhook, in order for each instrument, and prints each outcome", Args: cobra.MinimumNArgs(1),
		Long: `Reads webhook bodies, one JSON object a line (or a JSON array of them), and posts them. The signals of one instrument keep their
order, whatever the concurrency: instruments are shared out over the senders, and an instrument's next signal goes when the one before
it was answered (with --wait-orders: when its order is done and its exit has sold everything, too). A signal that nobody answers stops its instrument: what
follows is not sent, since it would arrive out of order.

--retry repeats the very same bytes where there was no answer or one of the 5xx (the service recognizes what it has taken), after
0.1, 0.2, 0.4, ... s or what Retry-After asks for, at most --retry-wait, for at most --retry-for a signal.

--stamp now sets "timestamp" to the present, once, before the first attempt, and adds an "id" where there is none: the hex SHA-256 of
file name, line number and line. What --retry repeats is recognized, since it is the very same bytes. A file that is sent again is stamped anew:
what was accepted before is refused then (409 id_conflict: the same id with another time), so that nothing is traded twice. To send it again on
purpose, rename it.

Exit codes: 0 every signal was answered (refused by a rule is an answer); 3 some were refused for their form or their secret; 2 some
were not answered, or not sent.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.send(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.concurrency, "concurrency", 1, "senders that work side by side")
	flags.StringVar(&f.stamp, "stamp", "", `"now": set the time of each signal when it is sent, and give it an id`)
	flags.BoolVar(&f.retry, "retry", false, "repeat what was not answered")
	flags.DurationVar(&f.retryFor, "retry-for", 2*time.Minute, "how long one signal is repeated or waited for")
	flags.DurationVar(&f.retryWait, "retry-wait", 5*time.Second, "longest wait between two attempts")
	flags.BoolVar(&f.waitOrders, "wait-orders", false, "send an instrument's next signal when its earlier orders are done and its exits gone")
	return cmd
}

func (f *sendFlags) check() error {
	switch {
	case f.concurrency < 1 || f.concurrency > maxSenders:
		return fmt.Errorf("--concurrency %d: give 1 to %d", f.concurrency, maxSenders)
	case f.stamp != "" && f.stamp != "now":
		return fmt.Errorf("--stamp %q: only now is known", f.stamp)
	case f.retryFor <= 0 || f.retryWait <= 0:
		return errors.New("--retry-for and --retry-wait are durations above zero, for example 30s")
	}
	return nil
}

// send posts the signals of all files and says what became of each.
func (c *cli) send(ctx context.Context, files []string, f *sendFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	var jobs []*job
	for _, name := range files {
		more, err := c.jobs(name)
		if err != nil {
			return err
		}
		jobs = append(jobs, more...)
	}
	out := newOutcomes(c, len(jobs))
	var wg sync.WaitGroup
	for _, mine := range shard(jobs, f.concurrency) {
		s := &sender{c: c, f: f, out: out, stopped: map[string]bool{}, owed: map[string]bool{}}
		wg.Go(func() { s.run(ctx, mine) })
	}
	wg.Wait()
	return out.finish()
}

// jobs are the signals of one file.
func (c *cli) jobs(name string) ([]*job, error) {
	in, end, err := c.input(name)
	if err != nil {
		return nil, err
	}
	defer end()
	bodies, err := readBodies(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	base := filepath.Base(name) // the same file has the same ids wherever it is sent from
	jobs := make([]*job, len(bodies))
	for i, b := range bodies {
		jobs[i] = newJob(base, b)
	}
	return jobs, nil
}

// shard gives every instrument to one sender, in turn; each sender keeps the order of the files.
func shard(jobs []*job, senders int) [][]*job {
	out, of := make([][]*job, senders), map[string]int{}
	for _, j := range jobs {
		n, known := of[j.instrument]
		if !known {
			n = len(of) % senders
			of[j.instrument] = n
		}
		out[n] = append(out[n], j)
	}
	return out
}

// sender posts its signals one after another.
type sender struct {
	c       *cli
	f       *sendFlags
	out     *outcomes
	stopped map[string]bool // instruments of which a signal was not answered
	owed    map[string]bool // instruments whose last signal may have made an order
}

func (s *sender) run(ctx context.Context, jobs []*job) {
	for _, j := range jobs {
		o := s.one(ctx, j)
		if o.Status == statusUnanswered || o.Status == statusNotSent {
			s.stopped[j.instrument] = true
		}
		s.owed[j.instrument] = o.Status == "accepted" || o.Status == "duplicate"
		s.out.add(o)
	}
}

// one sends one signal and repeats it as allowed.
func (s *sender) one(ctx context.Context, j *job) *outcome {
	o := j.outcome()
	if s.stopped[j.instrument] {
		return o.failed(statusNotSent, "an earlier signal of the instrument was not answered")
	}
	deadline := s.c.now().Add(s.f.retryFor)
	if s.f.waitOrders && s.owed[j.instrument] {
		if err := s.ordersDone(ctx, j.instrument, deadline); err != nil {
			return o.failed(statusNotSent, "the earlier order is not done: "+err.Error())
		}
		deadline = s.c.now().Add(s.f.retryFor)
	}
	body, err := j.body(s.f.stamp == "now", s.c.now())
	if err != nil {
		return o.failed(statusNotSent, err.Error())
	}
	for wait := firstWait; ; wait *= 2 {
		if err := ctx.Err(); err != nil {
			return o.unanswered(err.Error())
		}
		after, done := s.attempt(ctx, o, body)
		if done || !s.f.retry {
			return o
		}
		pause := min(max(wait, after), s.f.retryWait)
		wait = min(wait, s.f.retryWait)
		if s.c.now().Add(pause).After(deadline) {
			return o
		}
		if err := s.c.wait(ctx, pause); err != nil {
			return o
		}
	}
}

// ordersDone waits until the service knows of no order and no exit of the instrument that is under way.
func (s *sender) ordersDone(ctx context.Context, instrument string, deadline time.Time) error {
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		open, err := s.c.underWay(ctx, instrument)
		if err == nil && open == 0 {
			return nil
		}
		var busy *unavailable
		if err != nil && !s.f.retry && !errors.As(err, &busy) {
			return err
		}
		if s.c.now().Add(wait).After(deadline) {
			return errors.Join(fmt.Errorf("%s of %s still under way", counted(open, "order"), instrument), err)
		}
		if err := s.c.wait(ctx, wait); err != nil {
			return err
		}
	}
}
