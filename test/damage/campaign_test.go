package damage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
)

// caseTimeout bounds one reading: damage must not make a reader hang.
const caseTimeout = 20 * time.Second

// maxShown is how many silent cases are named.
const maxShown = 10

// harness marks an error of the campaign itself, which says nothing about the store.
type harness struct{ error }

// tally is what came of the cases.
type tally struct {
	cases, detected, remembered, harmless, mended int
	codes                                         map[string]int
	failed                                        []string // silent, hung, unlisted
	failures                                      int
}

func (a *tally) add(b tally) {
	if a.codes == nil {
		a.codes = map[string]int{}
	}
	a.cases, a.detected, a.remembered = a.cases+b.cases, a.detected+b.detected, a.remembered+b.remembered
	a.harmless, a.mended, a.failures = a.harmless+b.harmless, a.mended+b.mended, a.failures+b.failures
	for code, n := range b.codes {
		a.codes[code] += n
	}
	a.failed = append(a.failed, b.failed[:min(len(b.failed), maxShown)]...)
}

func (a tally) String() string {
	text := fmt.Sprintf("%d cases: %d detected (%d of them only by what is remembered beside the log), %d harmless, %d mended, %d silent;",
		a.cases, a.detected, a.remembered, a.harmless, a.mended, a.failures)
	for _, code := range slices.Sorted(maps.Keys(a.codes)) {
		text += fmt.Sprintf(" %s %d", code, a.codes[code])
	}
	return text
}

func (a *tally) fail(name, how string) {
	if a.failures++; len(a.failed) < maxShown {
		a.failed = append(a.failed, name+": "+how)
	}
}

// judge enters what a reader made of a damaged image.
func (a *tally) judge(s Store, name string, want, got []eventstore.Record, mended bool, err error) {
	a.cases++
	if err != nil {
		code := s.code(err)
		if code == "" {
			a.fail(name, "an error without a code: "+err.Error())
			return
		}
		if a.detected++; errors.Is(err, errRemembered) {
			a.remembered++
		}
		if a.codes == nil {
			a.codes = map[string]int{}
		}
		a.codes[code]++
		return
	}
	switch {
	case !same(want, got):
		a.fail(name, fmt.Sprintf("read %d records without a word, and they are not those that were written", len(got)))
	case mended:
		a.mended++
	default:
		a.harmless++
	}
}

// code is the code that operators see, "" for none.
func (s Store) code(err error) string {
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	var own harness
	var other *sqlite.OtherPortfolio
	switch {
	case errors.As(err, &own), errors.Is(err, context.DeadlineExceeded):
		return ""
	case errors.As(err, &corrupt):
		return corrupt.Code()
	case errors.As(err, &unknown):
		return unknown.Code()
	case errors.As(err, &other): // the name in the file was damaged
		return "WRONG_PORTFOLIO"
	case errors.Is(err, signature.ErrSignature):
		return "SIGNATURE"
	case errors.Is(err, eventstore.ErrNoExport):
		return "NO_EXPORT"
	}
	return s.OtherCode
}

func same(a, b []eventstore.Record) bool {
	return slices.EqualFunc(a, b, func(a, b eventstore.Record) bool {
		return a.Rev == b.Rev && a.Hash == b.Hash && bytes.Equal(a.Meta, b.Meta) && bytes.Equal(a.Data, b.Data)
	})
}

// damaged is one case: a name, and the image that a reader gets. do works on a buffer that holds the sound image and undoes what it
// did.
type damaged struct {
	name func() string
	do   func(buffer []byte, read func(image []byte))
}

// campaign is a store, a log in it and the ways to damage it.
type campaign struct {
	store      Store
	recs       []eventstore.Record
	image      []byte
	remembered Memory
}

// run reads every case on all cores.
func (c campaign) run(t *testing.T, n int, at func(i int) damaged) tally {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	results := make([]tally, runtime.GOMAXPROCS(0))
	for w := range results {
		read, buffer := c.store.Reader(t, c.remembered), bytes.Clone(c.image)
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				d := at(i)
				d.do(buffer, func(image []byte) {
					recs, mended, err := guarded(read, image)
					results[w].judge(c.store, d.name(), c.recs, recs, mended, err)
				})
			}
		})
	}
	all.Wait()
	var sum tally
	for _, r := range results {
		sum.add(r)
	}
	return sum
}

// guarded reads with a bound, and takes a panic for what it is: neither detected nor harmless.
func guarded(read Reader, image []byte) (recs []eventstore.Record, mended bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = harness{fmt.Errorf("a panic: %v", p)}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	return read(ctx, image)
}

// flips turns every stride-th bit. A stride that is odd visits all eight places of a bit.
func (c campaign) flips(t *testing.T, stride int) tally {
	return c.run(t, (8*len(c.image)+stride-1)/stride, func(i int) damaged {
		bit := i * stride
		return damaged{func() string { return fmt.Sprintf("bit %d of byte %d", bit%8, bit/8) }, func(buffer []byte, read func([]byte)) {
			buffer[bit/8] ^= 1 << (bit % 8)
			read(buffer)
			buffer[bit/8] ^= 1 << (bit % 8)
		}}
	})
}

// cuts ends the image early.
func (c campaign) cuts(t *testing.T, stride int) tally {
	return c.run(t, (len(c.image)+stride-1)/stride, func(i int) damaged {
		return damaged{func() string { return fmt.Sprintf("cut to %d bytes", i*stride) }, func(buffer []byte, read func([]byte)) { read(buffer[:i*stride]) }}
	})
}

// rewritten stores other rows of records.
func (c campaign) rewritten(t *testing.T, stride int) tally {
	cases := rows(t, c.recs, stride)
	return c.run(t, len(cases), func(i int) damaged {
		return damaged{func() string { return cases[i].name }, func(_ []byte, read func([]byte)) { read(c.store.Image(t, cases[i].recs)) }}
	})
}

// require wants that nothing was silent, and that the campaign met what it is for.
func (a tally) require(t *testing.T) {
	t.Helper()
	require.Zero(t, a.failures, "%s\n%s", a, strings.Join(a.failed, "\n"))
	require.Equal(t, a.cases, a.detected+a.harmless+a.mended)
	require.Positive(t, a.detected+a.mended)
}
