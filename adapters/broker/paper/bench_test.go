package paper

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// BenchmarkSend is one durable order with its fill, with the median beside the mean.
func BenchmarkSend(b *testing.B) {
	broker := openIn(b, b.TempDir(), Options{Fee: domain.D("0.0005")})
	timed(b, func() {
		require.Equal(b, engine.Accepted, broker.Send(b.Context(), brokertest.Buy("order", 3)).Kind)
	})
}

// BenchmarkBareSync is the limit of BenchmarkSend: 4 KiB written and synced, nothing else.
func BenchmarkBareSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	require.NoError(b, err)
	defer func() { require.NoError(b, f.Close()) }()
	page := make([]byte, 4096)
	timed(b, func() {
		_, err := f.Write(page)
		require.NoError(b, err)
		require.NoError(b, unix.Fdatasync(int(f.Fd())))
	})
}

func timed(b *testing.B, do func()) {
	took := make([]time.Duration, 0, 1024)
	for b.Loop() {
		start := time.Now()
		do()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkOrderByID(b *testing.B) {
	broker := openIn(b, b.TempDir(), Options{})
	fill(b, broker, 2*BookOrders)
	for b.Loop() {
		again(b, broker, "P-77")
	}
}

func BenchmarkBookOfALongHistory(b *testing.B) {
	broker := openIn(b, b.TempDir(), Options{})
	fill(b, broker, 10*BookOrders)
	for b.Loop() {
		book, err := broker.Book(b.Context())
		require.NoError(b, err)
		require.Len(b, book.Orders, BookOrders)
	}
}

func BenchmarkMemorySend(b *testing.B) {
	broker, o := inMemory(b, Options{Fee: domain.D("0.0005")}), brokertest.Buy("order", 3)
	b.ReportAllocs()
	for b.Loop() {
		if broker.Send(b.Context(), o).Kind != engine.Accepted {
			b.Fatal("not accepted")
		}
	}
}
