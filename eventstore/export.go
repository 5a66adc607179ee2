package eventstore

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"pm/domain"
	"pm/domain/canon"
)

// ExportFormat is what the first line of an export says.
const ExportFormat = "pm-log/1"

// exportHeader is the first line of an export.
type exportHeader struct {
	Format    string             `json:"format"`
	Portfolio domain.PortfolioID `json:"portfolio"`
}

// The pieces of a line of an export, around the verbatim bytes.
const (
	lineMeta = `{"meta":`
	lineData = `,"data":`
	lineHash = `,"hash":"`
	lineEnd  = `"}`
)

// maxLine bounds a line of an export: a record and what stands around it.
const maxLine = MaxRecord + 256

// Export writes the whole log, checked record by record with its ids, in the form pm-log/1: a line that names the portfolio, then a line a
// record with its bytes as they are stored. Two exports of one log are equal, whatever the store. It returns the head that it wrote;
// a log that goes on meanwhile is exported up to where it was at the start.
func Export(ctx context.Context, log Log, w io.Writer) (Head, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	v := NewAuditor(log.Portfolio())
	line, err := canon.Append(nil, exportHeader{ExportFormat, log.Portfolio()})
	if err != nil {
		return v.Head(), fmt.Errorf("export: %w", err)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return v.Head(), fmt.Errorf("export: %w", err)
	}
	err = log.Read(ctx, 0, func(recs []Record) error {
		for _, r := range recs {
			if _, err := v.Check(r); err != nil {
				return err
			}
			line = appendLine(line[:0], r)
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return v.Head(), fmt.Errorf("export: %w", err)
	}
	return v.Head(), nil
}

// appendLine writes a record as a line of an export.
func appendLine(dst []byte, r Record) []byte {
	dst = append(append(dst, lineMeta...), r.Meta...)
	dst = append(append(dst, lineData...), r.Data...)
	dst = append(append(dst, lineHash...), r.Hash.String()...)
	return append(append(dst, lineEnd...), '\n')
}

// parseLine takes a line, without its end, apart. The bytes of the record belong to the line; only its frame is checked.
func parseLine(line []byte) (r Record, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(lineMeta))
	if !ok {
		return r, fmt.Errorf("it does not begin with %s", lineMeta)
	}
	if r.Meta, rest = object(rest); r.Meta == nil {
		return r, fmt.Errorf("the metadata is no object")
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(lineData)); !ok {
		return r, fmt.Errorf("%s does not follow the metadata", lineData)
	}
	if r.Data, rest = object(rest); r.Data == nil {
		return r, fmt.Errorf("the data is no object")
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(lineHash)); !ok {
		return r, fmt.Errorf("%s does not follow the data", lineHash)
	}
	if rest, ok = bytes.CutSuffix(rest, []byte(lineEnd)); !ok {
		return r, fmt.Errorf("it does not end in %s", lineEnd)
	}
	r.Hash, err = ParseHash(string(rest))
	return r, err
}

// object cuts the JSON object at the start of b; it is nil if there is none. Braces inside strings do not count.
func object(b []byte) (obj, rest []byte) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			depth--
			if depth == 0 {
				return b[:i+1], b[i+1:]
			}
		}
		if depth == 0 {
			return nil, b
		}
	}
	return nil, b
}
