//go:build linux

package runbook

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/domain"
	"pm/test/programs"
)

// bank is the position that every drill begins with.
const bank = "BANK_NIFTY-1-Long_1"

// traded starts pm and opens a position.
func (m *machine) traded() {
	m.t.Helper()
	m.start()
	m.buy("BANK_NIFTY")
	require.Equal(m.t, []string{bank}, m.held())
}

var haltDrills = []drill{
	{"DATA_CORRUPT", []string{"look", "right-log"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		older := d.at("older")
		require.NoError(t, os.CopyFS(older, os.DirFS(d.data("log"))))
		d.start()
		d.buy("GOLD_MINI")
		d.stop()
		d.vars["RIGHT_LOG"] = d.at("right")
		require.NoError(t, os.Rename(d.data("log"), d.vars["RIGHT_LOG"]))
		require.NoError(t, os.CopyFS(d.data("log"), os.DirFS(older)))
		d.halts("DATA_CORRUPT")
		require.Contains(t, d.follow(), "DATA_CORRUPT")
		d.follow()
		d.healthy(bank, "GOLD_MINI-1-Long_1")
	}},
	{"DATA_CORRUPT", []string{"look", "export"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		d.do(`mkdir -p "$BACKUP" && pmctl log export "$BACKUP/log.ndjson" --data "$DATA"`)
		d.damage(`"initial_capital":"`)
		d.halts("DATA_CORRUPT")
		require.Contains(t, d.follow(), "DATA_CORRUPT")
		d.follow()
		d.healthy(bank)
	}},
	{"UNKNOWN_EVENT", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.do(fmt.Sprintf(`pmctl format raise %d --server "$SERVER"`, domain.Format))
		d.stop()
		d.vars["NEW"] = d.at("new")
		require.NoError(t, os.Rename(d.at("bin"), d.vars["NEW"]))
		require.NoError(t, os.CopyFS(d.at("bin"), os.DirFS(d.vars["NEW"])))
		require.NoError(t, os.Remove(d.at("bin", "pm")))
		older, _ := programs.Build(t, "older", "-tags", "olderformat")
		require.NoError(t, os.Symlink(older, d.at("bin", "pm")))
		d.halts("UNKNOWN_EVENT")
		require.Contains(t, d.follow(), "pm older")
		d.follow()
		d.healthy(bank)
	}},
	{"VALIDATION_FAILED", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.stop()
		pgtest.Exec(t, d.vars["SNAPSHOT"], "UPDATE portfolio_state SET total_risk_amount = 999999.99")
		d.halts("VALIDATION_FAILED")
		require.Contains(t, d.follow(), "999999.99")
		d.follow()
		d.healthy(bank)
	}},
	{"EVENTSTORE_UNAVAILABLE", []string{"look", "mend"}, func(_ *testing.T, d *run) {
		d.traded()
		d.stop()
		mount := d.unmounted(d.data("log"))
		d.halts("EVENTSTORE_UNAVAILABLE")
		d.follow()
		mount()
		d.follow()
		d.healthy(bank)
	}},
	{"LOG_LOCKED", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		out, err := d.bash(`pm --data "$DATA" --listen 127.0.0.1:0`)
		require.Error(t, err)
		require.Contains(t, out, "LOG_LOCKED: ")
		require.Contains(t, d.follow(), "ready (active)", "the one that runs is untouched")
		require.NoError(t, syscall.Kill(d.pid(), syscall.SIGSTOP)) // it hangs
		d.follow()
		d.healthy(bank)
	}},
	{"WRONG_PORTFOLIO", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		d.env["PM_PORTFOLIO_ID"] = "other"
		d.halts("WRONG_PORTFOLIO")
		require.Regexp(t, `(?m)^portfolio +main$`, d.follow())
		d.follow()
		d.healthy(bank)
	}},
	{"LOG_WRITE_FAILED", []string{"look", "mend"}, func(_ *testing.T, d *run) {
		disk := d.smallDisk()
		d.traded()
		disk.fill(0)
		exit := `{"id":"out-N","type":"EXIT","instrument":"GOLD_MINI","position":"Long_1","timestamp":"NOW","note":"` + strings.Repeat("x", 8000) + `"}`
		for n := range 5000 { // until the pages that the log has already are used up
			if status, _ := d.post(strings.Replace(exit, "N", string(rune('a'+n%26))+strings.Repeat("n", n/26), 1)); status != 200 {
				break
			}
		}
		d.halted("LOG_WRITE_FAILED")
		d.follow()
		disk.free()
		d.follow()
		if d.portfolio().State == "REDUCING" { // the look at the disk came before the write that failed
			d.also("disk_full", "mend")
		}
		d.healthy(bank)
	}},
	{"OTHER_WRITER", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		require.NoError(t, os.Remove(d.data("log", "LOCK")))
		first := d.vars["SERVER"]
		second := d.second()
		d.vars["SERVER"] = first
		d.post(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"NOW","price":52010,"atr":350,"supertrend":51650}`)
		d.halted("OTHER_WRITER")
		d.follow()
		d.follow()
		<-second
		d.healthy(bank)
	}},
	{"BROKER_UNAVAILABLE", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.also("Backup", "stopped")
		d.stop()
		require.NoError(t, os.WriteFile(d.data("paper", "paper.db"), []byte(strings.Repeat("no book ", 1000)), 0o600))
		d.halts("BROKER_UNAVAILABLE")
		d.follow()
		d.follow()
		d.healthy(bank)
	}},
	{"BROKER_MISMATCH", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.also("Backup", "stopped")
		d.buy("GOLD_MINI")
		d.stop()
		for _, known := range []string{"log", "snapshot", "head.pin"} {
			require.NoError(t, os.RemoveAll(d.data(known)))
		}
		require.NoError(t, os.CopyFS(d.data("log"), os.DirFS(d.at("backup", "data", "log"))))
		d.halts("BROKER_MISMATCH")
		d.follow()
		d.follow()
		d.healthy(bank)
	}},
	{"LISTEN_FAILED", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		other, err := net.Listen("tcp", d.address)
		require.NoError(t, err)
		d.halts("LISTEN_FAILED")
		require.Contains(t, d.follow(), `"code": "LISTEN_FAILED"`)
		require.NoError(t, other.Close())
		d.follow()
		d.healthy(bank)
	}},
	{"DATA_FOLDER", []string{"look", "mend"}, func(_ *testing.T, d *run) {
		d.traded()
		d.stop()
		mount := d.unmounted(d.data("snapshot"))
		d.halts("DATA_FOLDER")
		d.follow()
		mount()
		d.follow()
		d.healthy(bank)
	}},
	{"INSTALLATION_KEY", []string{"look", "readable"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		require.NoError(t, os.Chmod(d.data("keys", "installation.key"), 0o644))
		d.halts("INSTALLATION_KEY")
		require.Contains(t, d.follow(), "-rw-r--r--")
		d.follow()
		d.healthy(bank)
	}},
	{"INSTALLATION_KEY", []string{"look", "restore"}, func(t *testing.T, d *run) {
		d.traded()
		d.also("Backup", "stopped")
		d.stop()
		require.NoError(t, os.Remove(d.data("keys", "installation.key")))
		d.halts("INSTALLATION_KEY")
		d.follow()
		d.follow()
		d.healthy(bank)
	}},
	{"DEFECT", []string{"mend"}, func(t *testing.T, d *run) { // there is none to cause: pm ends as a panic ends it, in the middle of its work
		d.traded()
		require.NoError(t, syscall.Kill(d.pid(), syscall.SIGQUIT))
		require.Equal(t, 2, d.exit())
		d.follow()
		d.healthy(bank)
	}},
}

// damage changes the letter behind a text in the file of the log, wherever it stands: the file has copies that are no longer in use.
func (m *machine) damage(behind string) {
	m.t.Helper()
	name := m.data("log", "events.db")
	content, err := os.ReadFile(name)
	require.NoError(m.t, err)
	require.Positive(m.t, bytes.Count(content, []byte(behind)))
	for rest := content; ; {
		at := bytes.Index(rest, []byte(behind))
		if at < 0 {
			break
		}
		rest = rest[at+len(behind):]
		rest[0] ^= 1
	}
	require.NoError(m.t, os.WriteFile(name, content, 0o600))
}

// unmounted takes a folder away as a disk that is not mounted does: its name leads nowhere. The function brings it back.
func (m *machine) unmounted(folder string) (mount func()) {
	m.t.Helper()
	disk := m.at("disk-" + filepath.Base(folder))
	require.NoError(m.t, os.Rename(folder, disk))
	require.NoError(m.t, os.Symlink(m.at("nowhere", "deep"), folder))
	return func() {
		m.t.Helper()
		require.NoError(m.t, os.Remove(folder))
		require.NoError(m.t, os.Rename(disk, folder))
	}
}
