package sqlite_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

// benchEvents is how many events the reading benchmarks use; PM_BENCH_EVENTS overrides it.
const benchEvents = 200_000

// plainFile is a log whose Read is a sequential reading of one file: the limit of what a store could give.
type plainFile struct {
	eventstore.Log
	name string
}

// Read hands out frames of rev, hash, meta and data as they stand in the file.
func (p plainFile) Read(_ context.Context, _ uint64, each func([]eventstore.Record) error) error {
	f, err := os.Open(p.name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	var chunk []eventstore.Record
	for {
		var head [48]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		r := eventstore.Record{Rev: binary.BigEndian.Uint64(head[:]), Hash: eventstore.Hash(head[8:40])}
		m, n := int(binary.BigEndian.Uint32(head[40:])), int(binary.BigEndian.Uint32(head[44:]))
		buf := make([]byte, m+n)
		if _, err := io.ReadFull(in, buf); err != nil {
			return err
		}
		r.Meta, r.Data = buf[:m:m], buf[m:]
		if chunk = append(chunk, r); len(chunk) == eventstore.ChunkRecords {
			if err := each(chunk); err != nil {
				return err
			}
			chunk = nil
		}
	}
	return each(chunk)
}

// fill writes a long realistic log and the same records as frames of a plain file.
func fill(b *testing.B, dir string) (*sqlite.Log, plainFile) {
	b.Helper()
	events := benchEvents
	if n, err := strconv.Atoi(os.Getenv("PM_BENCH_EVENTS")); err == nil {
		events = n
	}
	log, err := sqlite.Open(dir, logtest.Portfolio, "bench")
	require.NoError(b, err)
	plain := plainFile{Log: log, name: filepath.Join(dir, "plain")}
	f, err := os.Create(plain.name)
	require.NoError(b, err)
	out := bufio.NewWriter(f)
	for s := logtest.NewStream(); s.Head().Next < uint64(events); {
		at := s.Head()
		recs := s.Next(b, 5000)
		require.NoError(b, log.Append(b.Context(), at, recs))
		for _, r := range recs {
			frame := append(binary.BigEndian.AppendUint64(nil, r.Rev), r.Hash[:]...)
			frame = binary.BigEndian.AppendUint32(frame, uint32(len(r.Meta)))
			frame = append(append(binary.BigEndian.AppendUint32(frame, uint32(len(r.Data))), r.Meta...), r.Data...)
			_, _ = out.Write(frame)
		}
	}
	require.NoError(b, out.Flush())
	require.NoError(b, f.Close())
	return log, plain
}

// BenchmarkReplay reads a realistic log with every check, beside the same bytes from a plain file.
func BenchmarkReplay(b *testing.B) {
	log, plain := fill(b, b.TempDir())
	defer log.Close()
	run := func(name string, l eventstore.Log) {
		b.Run(name, func(b *testing.B) {
			events, begin := uint64(0), cpu(b)
			for b.Loop() {
				head, err := eventstore.Replay(b.Context(), l, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
				require.NoError(b, err)
				events += head.Next
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((cpu(b)-begin).Nanoseconds())/float64(events), "cpu-ns/event")
		})
	}
	run("sqlite", log)
	run("plain_file", plain)
	b.Run("sqlite_unchecked", func(b *testing.B) {
		events := 0
		for b.Loop() {
			require.NoError(b, log.Read(b.Context(), 0, func(c []eventstore.Record) error { events += len(c); return nil }))
		}
		b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	})
}

// cpu is the processor time of this process: on a machine that others use too it says more than the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend measures durable appends, alone and in batches, beside a bare write and fdatasync of 4 KiB on the same disk.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 64} {
		b.Run("batch_of_"+strconv.Itoa(size), func(b *testing.B) {
			log, err := sqlite.Open(b.TempDir(), logtest.Portfolio, "bench")
			require.NoError(b, err)
			defer log.Close()
			var took []time.Duration
			s := logtest.NewStream()
			var queue []eventstore.Record
			head := s.Head()
			for b.Loop() {
				for len(queue) < size {
					queue = append(queue, s.Next(b, size)...)
				}
				begin := time.Now()
				require.NoError(b, log.Append(b.Context(), head, queue[:size]))
				took = append(took, time.Since(begin))
				head, queue = logtest.End(queue[:size]), queue[size:]
			}
			report(b, took, size)
		})
	}
	b.Run("bare_write_and_fdatasync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
		require.NoError(b, err)
		defer f.Close()
		page := make([]byte, 4096)
		var took []time.Duration
		for i := int64(0); b.Loop(); i++ {
			begin := time.Now()
			_, err := f.WriteAt(page, i%1000*4096)
			require.NoError(b, err)
			require.NoError(b, unix.Fdatasync(int(f.Fd())))
			took = append(took, time.Since(begin))
		}
		report(b, took, 1)
	})
}

// report adds the median and the 99th percentile, in microseconds.
func report(b *testing.B, took []time.Duration, size int) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
	b.ReportMetric(float64(size*len(took))/b.Elapsed().Seconds(), "events/s")
}
