package pgtest

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAServerListensOnTheLoopbackAddressOnlyAndAsksForThePassword(t *testing.T) {
	s := Start(t)
	url := s.Database(t)
	require.Equal(t, "127.0.0.1", Exec(t, url, "SHOW listen_addresses")[0][0])
	require.Equal(t, "off", Exec(t, url, "SHOW fsync")[0][0])
	require.Equal(t, "scram-sha-256", Exec(t, s.Socket("postgres"), "SELECT auth_method FROM pg_hba_file_rules WHERE type = 'host' LIMIT 1")[0][0])
	require.NotEmpty(t, s.Password())
}

func TestAServerThatIsMeasuredWaitsForItsDisk(t *testing.T) {
	url := Start(t, Durable...).Database(t)
	require.Equal(t, [][]string{{"on", "on", "on"}},
		Exec(t, url, "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"))
}

func TestAServerKeepsWhatItHoldsOverAStop(t *testing.T) {
	s := Start(t)
	url := s.Database(t)
	Exec(t, url, "CREATE TABLE kept (n int)")
	s.Stop(t)
	_, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.port))
	require.Error(t, err)
	s.Restart(t)
	require.Empty(t, Exec(t, url, "SELECT * FROM kept"))
}

// TestMain is the program that TestAServerEndsWithItsProgram kills.
func TestMain(m *testing.M) {
	if os.Getenv("PM_TEST_KILL_ME") == "" {
		os.Exit(m.Run())
	}
	s, err := shared()
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(s.folder + " " + strconv.Itoa(s.port) + "\n")
	select {}
}

func TestAServerEndsWithItsProgramHoweverItEnds(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PM_TEST_KILL_ME=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	folder, port, _ := strings.Cut(strings.TrimSpace(line), " ")
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	conn.Close()
	require.DirExists(t, folder)

	require.NoError(t, cmd.Process.Kill())
	require.ErrorContains(t, cmd.Wait(), "killed")
	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}, StartTimeout, 20*time.Millisecond, "the keeper removes the folder when the server has gone")
	_, err = net.Dial("tcp", "127.0.0.1:"+port)
	require.Error(t, err)
}

func TestWithoutItsProgramsATestSaysWhatToInstall(t *testing.T) {
	_, err := programs(nil)
	require.ErrorContains(t, err, "apt-get install -y --no-install-recommends postgresql")
	bin, err := programs(places())
	require.NoError(t, err)
	require.FileExists(t, bin+"/initdb")
}
