package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// bareFile is a log that is nothing but a file read from its beginning: lengths and bytes, one record after the other. It is the
// limit that the real log is held against: no index, no pages, no transaction, the same bytes.
type bareFile struct {
	name string
	head eventstore.Head
}

// Portfolio is the benchmark's.
func (f *bareFile) Portfolio() domain.PortfolioID { return portfolio }

// Head is where the writing ended.
func (f *bareFile) Head(context.Context) (eventstore.Head, error) { return f.head, nil }

// frame is what stands before each record: revision, bytes of meta, bytes of data; its hash follows.
const frame = 8 + 4 + 4

// Read reads the file once, in the chunks that every log hands out.
func (f *bareFile) Read(_ context.Context, _ uint64, each func([]eventstore.Record) error) error {
	file, err := os.Open(f.name)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for {
		chunk, err := readChunk(in)
		if len(chunk) > 0 {
			if err := each(chunk); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func readChunk(in *bufio.Reader) ([]eventstore.Record, error) {
	chunk := make([]eventstore.Record, 0, eventstore.ChunkRecords)
	var head [frame]byte
	for len(chunk) < eventstore.ChunkRecords {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return chunk, err
		}
		r := eventstore.Record{Rev: binary.BigEndian.Uint64(head[:])}
		meta, data := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:])
		body := make([]byte, meta+data)
		if _, err := io.ReadFull(in, body); err != nil {
			return chunk, err
		}
		r.Meta, r.Data = body[:meta:meta], body[meta:]
		if _, err := io.ReadFull(in, r.Hash[:]); err != nil {
			return chunk, err
		}
		chunk = append(chunk, r)
	}
	return chunk, nil
}

// Append, Follow and Close complete the port; the measurement needs none of them.
func (f *bareFile) Append(context.Context, eventstore.Head, []eventstore.Record) error {
	return eventstore.ErrReadOnly
}

// Follow is not needed here.
func (f *bareFile) Follow(context.Context, uint64, func([]eventstore.Record) error) error {
	return eventstore.ErrReadOnly
}

// Close has nothing to close.
func (f *bareFile) Close() error { return nil }

// sink is the log that the engine writes a long history to: it hands full batches on to the real log and writes the same bytes to
// the bare file. Nothing is kept in memory.
type sink struct {
	eventstore.Log
	head  eventstore.Head
	at    eventstore.Head // of the waiting records
	wait  []eventstore.Record
	file  *os.File
	out   *bufio.Writer
	types map[string]int
	bytes int64
}

const sinkBatch = 5000

func newSink(t testing.TB, log eventstore.Log, name string) *sink {
	t.Helper()
	file, err := os.Create(name)
	require.NoError(t, err)
	empty := eventstore.Empty(portfolio)
	return &sink{Log: log, head: empty, at: empty, file: file, out: bufio.NewWriterSize(file, 1<<20), types: map[string]int{}}
}

// Head is what was written so far.
func (s *sink) Head(context.Context) (eventstore.Head, error) { return s.head, nil }

// Append takes the records and passes them on when there are enough.
func (s *sink) Append(ctx context.Context, at eventstore.Head, recs []eventstore.Record) error {
	if at != s.head {
		return &eventstore.WrongHead{Expected: at, Actual: s.head}
	}
	for _, r := range recs {
		var head [frame]byte
		binary.BigEndian.PutUint64(head[:], r.Rev)
		binary.BigEndian.PutUint32(head[8:], uint32(len(r.Meta)))
		binary.BigEndian.PutUint32(head[12:], uint32(len(r.Data)))
		for _, part := range [][]byte{head[:], r.Meta, r.Data, r.Hash[:]} {
			n, err := s.out.Write(part)
			if err != nil {
				return err
			}
			s.bytes += int64(n)
		}
	}
	s.wait = append(s.wait, recs...)
	s.head = recs[len(recs)-1].After()
	if len(s.wait) < sinkBatch {
		return nil
	}
	return s.flush(ctx)
}

func (s *sink) flush(ctx context.Context) error {
	if len(s.wait) == 0 {
		return nil
	}
	if err := s.Log.Append(ctx, s.at, s.wait); err != nil {
		return err
	}
	s.at, s.wait = s.head, s.wait[:0]
	return nil
}

func (s *sink) close(ctx context.Context) error {
	return errors.Join(s.flush(ctx), s.out.Flush(), s.file.Sync(), s.file.Close())
}
