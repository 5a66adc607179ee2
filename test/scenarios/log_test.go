package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

const portfolio domain.PortfolioID = "story"

// disk is where the log lies while processes come and go. reopen gives the log to the next process.
type disk struct {
	memory *eventstore.Memory // nil: a folder
	dir    string
	log    eventstore.Log
	bent   func(*eventstore.Record) error // what readings of the memory log meet
}

func (d *disk) open(instance string) (err error) {
	if d.memory != nil {
		d.log = d.memory
		return nil
	}
	d.log, err = sqlite.Open(d.dir, portfolio, instance)
	return err
}

// close is what the end of a process does: the folder's lock is free again. The memory log outlives it.
func (d *disk) close() error {
	if d.memory != nil || d.log == nil {
		return nil
	}
	err := d.log.Close()
	d.log = nil
	return err
}

var errDisk = errors.New("the disk is full")

// script does one "log" command.
func (d *disk) script(c command) error {
	if d.memory == nil {
		return errOnlyMemory
	}
	once := func(answer error) func(context.Context, eventstore.Head, []eventstore.Record) error {
		return func(context.Context, eventstore.Head, []eventstore.Record) error {
			d.memory.Fault(eventstore.Faults{OnRead: d.bent})
			return answer
		}
	}
	switch c.word(0) {
	case "fail":
		d.memory.Fault(eventstore.Faults{BeforeAppend: once(errDisk), OnRead: d.bent})
	case "lose-answer":
		d.memory.Fault(eventstore.Faults{AfterAppend: once(eventstore.ErrOutcomeUnknown), OnRead: d.bent})
	default:
		return fmt.Errorf("the log has no %q", c.word(0))
	}
	return nil
}

// errOnlyMemory says that a story needs the memory log: it is then not told over a folder.
var errOnlyMemory = errors.New("only the memory log can be made to misbehave")

// tamper bends what is read at a revision from now on.
func (d *disk) tamper(c command) error {
	if d.memory == nil {
		return errOnlyMemory
	}
	rev, err := strconv.ParseUint(c.word(1), 10, 64)
	if err != nil && c.word(0) != "none" {
		return fmt.Errorf("tamper needs a revision: %w", err)
	}
	switch c.word(0) {
	case "flip":
		d.bent = at(rev, func(r *eventstore.Record) { r.Data[len(r.Data)/2] ^= 1 })
	case "unknown-event":
		d.bent = at(rev, newer)
	case "none":
		d.bent = nil
	default:
		return fmt.Errorf("nothing is tampered with by %q", c.word(0))
	}
	d.memory.Fault(eventstore.Faults{OnRead: d.bent})
	return nil
}

func at(rev uint64, bend func(*eventstore.Record)) func(*eventstore.Record) error {
	return func(r *eventstore.Record) error {
		if r.Rev == rev {
			bend(r)
		}
		return nil
	}
}

// newer makes the record what a later build would have written: sound by itself, of a version that this one does not know.
func newer(r *eventstore.Record) {
	r.Meta = []byte(strings.Replace(string(r.Meta), `"v":1`, `"v":2`, 1))
	r.Hash = eventstore.HashOf(r.Meta, r.Data)
}
