package projections

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"pm/domain"
	"pm/eventstore"
	"pm/projections/tables"
)

// compareHistory reads a table of history and the log side by side, line by line: slower than its hash, and only needed to say
// where they differ.
func (r *recovering) compareHistory(ctx context.Context, t tables.Table, upTo uint64, f *findings) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	theirs, done := tableLines(ctx, r.o.Snapshot, t)
	defer done() // a reader that stops early ends the writer
	walk := &historyWalk{t: t, f: f, theirs: theirs, upTo: upTo}
	if err := historyLines(ctx, r.log, t.Name, upTo, walk.ours); err != nil {
		return halted(ctx, err)
	}
	walk.rest()
	if theirs.err != nil {
		return &Halt{
			Code: CodeValidationFailed, Err: fmt.Errorf("table %s differs from the log, and reading it to the end failed: %w", t.Name, theirs.err),
			Hint: "see whether the store of the snapshot works, then look with `pmctl snapshot diff --data DIR`",
		}
	}
	return nil
}

// historyLines hands out the lines that the log folds into for one table of history, each without its end of line.
func historyLines(ctx context.Context, log eventstore.Log, table string, upTo uint64, each func(line string)) error {
	fold := tables.NewFold()
	fold.Gather()
	_, err := eventstore.Replay(ctx, log, 0, func(e domain.Recorded, _ eventstore.Hash) error {
		if err := fold.Apply(e); err != nil {
			return &eventstore.Corrupt{Rev: e.Rev, Reason: err.Error()}
		}
		for line := range bytes.Lines(fold.Take()[table]) {
			each(string(bytes.TrimSuffix(line, []byte{'\n'})))
		}
		if e.Rev == upTo {
			return errReached
		}
		return nil
	})
	if errors.Is(err, errReached) {
		return nil
	}
	return err
}

// historyWalk compares two streams of lines that are in the order of their key.
type historyWalk struct {
	t      tables.Table
	f      *findings
	theirs *lines
	upTo   uint64 // rows beyond were written since
}

// ours takes the next line of the log.
func (w *historyWalk) ours(line string) {
	for {
		other, ok := w.theirs.peek()
		order := -1
		if ok {
			order = compareKeys(w.t, line, other)
		}
		switch {
		case order < 0:
			w.f.row(w.t, revisionOf(line), keyOf(w.t, line), "is missing in the snapshot", "(a row)", absent)
			return
		case order == 0:
			w.theirs.next()
			w.f.columns(w.t, revisionOf(line), keyOf(w.t, line), line, other)
			return
		}
		w.extra(other)
	}
}

// rest takes what the snapshot has beyond the log.
func (w *historyWalk) rest() {
	for {
		line, ok := w.theirs.peek()
		if !ok || revisionOf(line) > w.upTo {
			return
		}
		w.extra(line)
	}
}

func (w *historyWalk) extra(line string) {
	w.theirs.next()
	w.f.row(w.t, revisionOf(line), keyOf(w.t, line), "is in the snapshot and not in the log", absent, "(a row)")
}

func revisionOf(line string) uint64 {
	first, _, _ := strings.Cut(line, "\t")
	n, _ := strconv.ParseUint(first, 10, 64) // a table of history has its revision first
	return n
}

// compareKeys orders two lines by their key, numbers by value.
func compareKeys(t tables.Table, a, b string) int {
	x, y := tables.Split(a), tables.Split(b)
	for i := range t.Key {
		order := strings.Compare(x[i], y[i])
		if t.Columns[i].Kind == tables.Integer {
			p, _ := strconv.ParseInt(x[i], 10, 64)
			q, _ := strconv.ParseInt(y[i], 10, 64)
			order = cmp.Compare(p, q)
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// lines reads lines with a look ahead.
type lines struct {
	in   *bufio.Reader
	line string
	have bool
	err  error // other than the end
}

func (l *lines) peek() (string, bool) {
	if l.have {
		return l.line, true
	}
	line, err := l.in.ReadString('\n')
	if err != nil {
		if !errors.Is(err, io.EOF) {
			l.err = err
		}
		return "", false
	}
	l.line, l.have = strings.TrimSuffix(line, "\n"), true
	return l.line, true
}

func (l *lines) next() { l.have = false }
