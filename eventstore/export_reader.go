package eventstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"pm/domain"
	"pm/domain/canon"
)

// ErrNoExport says that a file does not begin as an export does.
var ErrNoExport = errors.New("this is no export in the form " + ExportFormat)

// ExportReader reads an export record by record and checks each: its line, its hash, its id, the chain. It needs no store and
// nothing but the file. An export that was cut at the end of a line cannot be told from a shorter log: hold Head against what
// the signature beside the export says. One goroutine owns it.
type ExportReader struct {
	lines     *bufio.Reader
	line      int // the number of the line read last, from 1
	portfolio domain.PortfolioID
	check     *Verifier
}

// NewExportReader reads the first line. What does not begin as an export does is ErrNoExport.
func NewExportReader(r io.Reader) (*ExportReader, error) {
	x := &ExportReader{lines: bufio.NewReaderSize(r, 64<<10)}
	line, err := x.readLine()
	var damage *Corrupt
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("line 1: %w: the export is empty", ErrNoExport)
	case errors.As(err, &damage):
		return nil, fmt.Errorf("line 1: %w: %s", ErrNoExport, damage.Reason)
	case err != nil:
		return nil, err
	}
	var h exportHeader
	if err := canon.Decode(line, &h); err != nil || h.Format != ExportFormat || h.Portfolio == "" {
		return nil, fmt.Errorf("line 1: %w", ErrNoExport)
	}
	x.portfolio, x.check = h.Portfolio, NewAuditor(h.Portfolio)
	return x, nil
}

// Portfolio is whose log the export is of.
func (x *ExportReader) Portfolio() domain.PortfolioID { return x.portfolio }

// Head is what the records so far end in: after an error, the last good one.
func (x *ExportReader) Head() Head { return x.check.Head() }

// Next reads one record; io.EOF says that there are no more. The error of a damaged one names the line and wraps *Corrupt or
// *UnknownEvent with the revision; every other error is the reader's below.
func (x *ExportReader) Next() (Record, domain.Recorded, error) {
	line, err := x.readLine()
	if errors.Is(err, io.EOF) {
		return Record{}, domain.Recorded{}, io.EOF
	}
	var rec Record
	if err == nil {
		if rec, err = parseLine(line); err != nil {
			err = &Corrupt{x.Head().Next, "the line of the export cannot be read: " + err.Error()}
		}
	}
	var got domain.Recorded
	if err == nil {
		rec.Rev = x.Head().Next
		got, err = x.check.Check(rec)
	}
	if err != nil {
		return Record{}, domain.Recorded{}, fmt.Errorf("line %d: %w", x.line, err)
	}
	return rec, got, nil
}

// readLine reads up to the next line end, which every line must have, within maxLine bytes.
func (x *ExportReader) readLine() ([]byte, error) {
	x.line++
	var line []byte
	for {
		part, err := x.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, x.damage("a line has more than %d bytes, which no record needs", maxLine)
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, x.damage("the export was cut in the middle of a line")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// damage is a line that no record can be read from.
func (x *ExportReader) damage(format string, args ...any) error {
	c := &Corrupt{Reason: fmt.Sprintf(format, args...)}
	if x.check != nil {
		c.Rev = x.Head().Next
	}
	return c
}
