package eventstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"pm/domain"
	"pm/domain/canon"
)

// importBatch is how many records an import appends at once.
const importBatch = 1000

// Import reads an export and appends its records, verbatim, to the log that open gives for its portfolio, which must be empty
// (ErrNotEmpty). Every record is checked before it is appended: its frame, its hash, its id, the chain. An error names the line and,
// behind "DATA_CORRUPT", the revision; what came before it may stand in the target, so a failed target is thrown away. An export that
// was cut at the end of a line cannot be told from a shorter one: compare the head that is returned. Import does not close the log.
func Import(ctx context.Context, r io.Reader, open func(domain.PortfolioID) (Log, error)) (Head, error) {
	in := &importer{ctx: ctx, lines: bufio.NewReaderSize(r, 64<<10)}
	if err := in.begin(open); err != nil {
		return in.done, fmt.Errorf("import: line %d: %w", in.line, err)
	}
	for {
		err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return in.done, fmt.Errorf("import: line %d: %w", in.line, err)
		}
	}
	if err := in.flush(); err != nil {
		return in.done, fmt.Errorf("import: up to line %d: %w", in.line, err)
	}
	return in.done, nil
}

// importer is an import under way.
type importer struct {
	ctx   context.Context
	lines *bufio.Reader
	line  int // the number of the line read last, from 1
	log   Log
	check *Verifier
	done  Head // of what was appended
	batch []Record
	size  int
}

// begin reads the first line and opens the target.
func (in *importer) begin(open func(domain.PortfolioID) (Log, error)) error {
	line, err := in.readLine()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the export is empty")
	}
	if err != nil {
		return err
	}
	var h exportHeader
	if err := canon.Decode(line, &h); err != nil || h.Format != ExportFormat || h.Portfolio == "" {
		return fmt.Errorf("this is no export in the form %s", ExportFormat)
	}
	if in.log, err = open(h.Portfolio); err != nil {
		return fmt.Errorf("open the target: %w", err)
	}
	if p := in.log.Portfolio(); p != h.Portfolio {
		return fmt.Errorf("the target belongs to portfolio %q, the export to %q", p, h.Portfolio)
	}
	if in.done, err = in.log.Head(in.ctx); err != nil {
		return fmt.Errorf("read the head of the target: %w", err)
	}
	if in.done.Next != 0 {
		return fmt.Errorf("%w, and this one ends at %s", ErrNotEmpty, in.done)
	}
	in.check = NewVerifier(h.Portfolio)
	return nil
}

// next takes one record, and appends the batch when it is full.
func (in *importer) next() error {
	line, err := in.readLine()
	if err != nil {
		return err
	}
	rec, err := parseLine(line)
	if err != nil {
		return &Corrupt{in.check.Head().Next, "the line of the export cannot be read: " + err.Error()}
	}
	rec.Rev = in.check.Head().Next
	got, err := in.check.Check(rec)
	if err != nil {
		return err
	}
	if id := domain.NewEventID(got.Portfolio, rec.Rev, rec.Data); id != got.ID {
		return &Corrupt{rec.Rev, fmt.Sprintf("its id is %s, but its place and bytes make %s", got.ID, id)}
	}
	in.batch = append(in.batch, rec)
	in.size += rec.Size()
	if len(in.batch) == importBatch || in.size > MaxBatchBytes-MaxRecord {
		return in.flush()
	}
	return nil
}

// flush appends what was checked.
func (in *importer) flush() error {
	if len(in.batch) == 0 {
		return nil
	}
	if err := in.log.Append(in.ctx, in.done, in.batch); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	in.done = in.batch[len(in.batch)-1].After()
	in.batch, in.size = nil, 0
	return nil
}

// readLine reads up to the next line end, which every line must have, within maxLine bytes.
func (in *importer) readLine() ([]byte, error) {
	in.line++
	var line []byte
	for {
		part, err := in.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, &TooLarge{"bytes of a line", len(line), maxLine}
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, fmt.Errorf("the export was cut in the middle of a line")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
