package eventstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pm/domain"
)

// How much an import appends at once. An event store takes no more than 1 MiB of an append where nobody has set it otherwise.
const (
	importBatch = 1000      // records
	importBytes = 768 << 10 // bytes of records; a larger one goes alone
)

// ErrOtherLog says that a target holds something else than the beginning of the export.
var ErrOtherLog = errors.New("the target does not hold the beginning of this export")

// Import reads an export and appends its records, verbatim, to the log that open gives for its portfolio, which must be empty
// (ErrNotEmpty). Every record is checked before it is appended: its frame, its hash, its id, the chain. An error names the line and,
// behind "DATA_CORRUPT", the revision; what came before it may stand in the target, which Resume can complete. An export that
// was cut at the end of a line cannot be told from a shorter one: compare the head that is returned. Import does not close the log.
func Import(ctx context.Context, r io.Reader, open func(domain.PortfolioID) (Log, error)) (Head, error) {
	return importInto(ctx, r, open, false)
}

// Resume does what Import does, also into a target that an earlier import of the same export left half done. A target that holds
// anything else, or more, is ErrOtherLog and stays as it is.
func Resume(ctx context.Context, r io.Reader, open func(domain.PortfolioID) (Log, error)) (Head, error) {
	return importInto(ctx, r, open, true)
}

func importInto(ctx context.Context, r io.Reader, open func(domain.PortfolioID) (Log, error), resume bool) (Head, error) {
	in := &importer{ctx: ctx}
	err := in.begin(r, open, resume)
	for err == nil {
		err = in.next()
	}
	if errors.Is(err, io.EOF) {
		err = in.end()
	}
	if err != nil {
		return in.done, fmt.Errorf("import: %w", err)
	}
	return in.done, nil
}

// importer is an import under way.
type importer struct {
	ctx   context.Context
	from  *ExportReader
	log   Log
	had   Head // of the target when the import began
	done  Head // of what stands in the target
	batch []Record
	size  int
}

// begin reads the first line and opens the target.
func (in *importer) begin(r io.Reader, open func(domain.PortfolioID) (Log, error), resume bool) (err error) {
	if in.from, err = NewExportReader(r); err != nil {
		return err
	}
	p := in.from.Portfolio()
	if in.log, err = open(p); err != nil {
		return fmt.Errorf("open the target: %w", err)
	}
	if other := in.log.Portfolio(); other != p {
		return fmt.Errorf("the target belongs to portfolio %q, the export to %q", other, p)
	}
	if in.had, err = in.log.Head(in.ctx); err != nil {
		return fmt.Errorf("read the head of the target: %w", err)
	}
	if in.done = in.had; in.had.Next != 0 && !resume {
		return fmt.Errorf("%w, and this one ends at %s", ErrNotEmpty, in.had)
	}
	return nil
}

// next takes one record, and appends the batch when it is full or has no room for it. What the target has already is passed over, up to its head, whose
// hash must be the export's: the chain ties everything before to it.
func (in *importer) next() error {
	rec, _, err := in.from.Next()
	if err != nil {
		return err
	}
	if rec.Rev < in.had.Next {
		if at := rec.After(); at.Next == in.had.Next && at != in.had {
			return fmt.Errorf("%w: it ends at %s, and the export has %s there", ErrOtherLog, in.had, at)
		}
		return nil
	}
	if in.size+rec.Size() > importBytes {
		if err := in.flush(); err != nil {
			return err
		}
	}
	in.batch = append(in.batch, rec)
	in.size += rec.Size()
	if len(in.batch) == importBatch {
		return in.flush()
	}
	return nil
}

// end appends the rest.
func (in *importer) end() error {
	if at := in.from.Head(); at.Next < in.had.Next {
		return fmt.Errorf("%w: it ends at %s, the export at %s", ErrOtherLog, in.had, at)
	}
	return in.flush()
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
