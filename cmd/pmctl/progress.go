package main

import (
	"fmt"
	"io"
	"time"
)

// progressEvery is how often the line is written anew.
const progressEvery = 200 * time.Millisecond

// progress is a line on a terminal's stderr: how much is done, how fast, how long it will still take. Elsewhere it is silent.
type progress struct {
	w     io.Writer // nil: nobody looks
	now   func() time.Time
	what  string
	total uint64 // 0: not known
	count uint64
	began time.Time
	next  time.Time
}

// quiet is the progress of what already shows on the terminal that it goes on.
func (c *cli) quiet() *progress { return &progress{now: c.now} }

func (c *cli) progress(what string, total uint64) *progress {
	p := &progress{now: c.now, what: what, total: total}
	if c.errTerminal {
		p.w, p.began = c.errs, c.now()
		p.next = p.began.Add(progressEvery)
	}
	return p
}

// step counts n more; it writes only when it is time to.
func (p *progress) step(n uint64) {
	p.count += n
	// Asking the time costs more than an event: once in a while is enough.
	if p.w == nil || p.count%64 != 0 && n == 1 && p.total > 10_000 {
		return
	}
	if now := p.now(); !now.Before(p.next) {
		p.next = now.Add(progressEvery)
		fmt.Fprintf(p.w, "\r\x1b[K%s", p.line(now))
	}
}

// at is step for a count that somebody else keeps.
func (p *progress) at(done, total uint64) {
	p.total = total
	p.step(done - min(done, p.count))
}

func (p *progress) line(now time.Time) string {
	spent := now.Sub(p.began)
	rate := uint64(0)
	if ms := spent.Milliseconds(); ms > 0 {
		rate = p.count * 1000 / uint64(ms)
	}
	text := fmt.Sprintf("%s %s, %s/s", grouped(fmt.Sprint(p.count)), p.what, grouped(fmt.Sprint(rate)))
	if p.total > 0 {
		text += fmt.Sprintf(", %d %%", min(100, p.count*100/p.total))
	}
	if p.total > p.count && p.count > 0 {
		left := time.Duration(uint64(spent) / p.count * (p.total - p.count))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// done takes the line away.
func (p *progress) done() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
