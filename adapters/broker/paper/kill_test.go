package paper

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// childFolder names, in the environment, the folder in which this test binary sends orders until it is killed.
const childFolder = "PAPER_TEST_CHILD_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		fmt.Fprintln(os.Stderr, sendForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sendForEver writes "tag id" for each order, after it was accepted and not before.
func sendForEver(dir string) error {
	b, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	book, err := b.AllOrders(context.Background())
	if err != nil {
		return err
	}
	for i := len(book); ; i++ {
		tag := fmt.Sprintf("child%d", i)
		a := b.Send(context.Background(), brokertest.Buy(tag, 1))
		if a.Kind != engine.Accepted {
			return fmt.Errorf("%s: %s", tag, a.Text)
		}
		if _, err := fmt.Println(tag, a.BrokerID); err != nil {
			return err
		}
	}
}

func TestEveryAcceptedOrderIsInTheBookAfterKillMinus9(t *testing.T) {
	const rounds, least = 3, 100
	dir, acked := t.TempDir(), map[string]string{}
	for range rounds {
		for tag, id := range killedChild(t, dir, least) {
			acked[tag] = id
		}
		byReader, err := OpenReader(dir)
		require.NoError(t, err, "a reader opens what a killed process left")
		orders, err := byReader.AllOrders(t.Context())
		require.NoError(t, err)
		require.NoError(t, byReader.Close())
		requireAcked(t, acked, orders)
	}
	b := openIn(t, dir, Options{})
	orders, err := b.AllOrders(t.Context())
	require.NoError(t, err)
	requireAcked(t, acked, orders)
	book, err := b.Book(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 30 * len(orders)}, book.Net)
	// Each kill may leave one order that was taken and not yet answered: that is what an unknown is.
	require.LessOrEqual(t, len(orders), len(acked)+rounds)
	require.GreaterOrEqual(t, len(acked), rounds*least)
}

// requireAcked finds each accepted order exactly once, under the id that was answered, filled.
func requireAcked(t *testing.T, acked map[string]string, orders []engine.BookOrder) {
	t.Helper()
	ids := map[string]string{}
	for i, o := range orders {
		require.Equal(t, brokerID(int64(i+1)), o.BrokerID)
		require.Equal(t, engine.BookComplete, o.Status)
		require.Equal(t, 30, o.Filled())
		require.NotContains(t, ids, o.Tag, "one tag, two orders")
		ids[o.Tag] = o.BrokerID
	}
	for tag, id := range acked {
		require.Equal(t, id, ids[tag], tag)
	}
}

// killedChild lets a child send and kills it after it has heard so many acceptances; it returns all that were written.
func killedChild(t *testing.T, dir string, least int) map[string]string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	acked, lines := map[string]string{}, bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a line that the kill cut short was not heard
		}
		require.NoError(t, err)
		tag, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if acked[tag] = id; len(acked) == least {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.ErrorContains(t, cmd.Wait(), "killed")
	return acked
}
