// Package pgtest gives tests a real PostgreSQL: a throw-away server that listens on the loopback address only, in a folder of its own,
// gone when the test program ends however it ends, and an empty database of its own for each test.
//
//	url := pgtest.Database(t)              // on a server that all tests of the program share
//	server := pgtest.Start(t)              // one to stop and start, for this test
//	server := pgtest.Start(b, pgtest.Durable...) // one that waits for its disk, to measure
//
// PM_TEST_POSTGRES_URL names a server to use for Database instead; its user must be allowed to create databases. Without the programs of
// PostgreSQL a test that needs them fails and says what to install: a test that is skipped proves nothing.
package pgtest

import (
	"context"
	secrets "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// StartTimeout is how long a server may take until it answers.
const StartTimeout = 30 * time.Second

// install is what to do where PostgreSQL is not there.
const install = "this test needs PostgreSQL: apt-get install -y --no-install-recommends postgresql (or make postgres)"

// Durable are the settings of a server that keeps what it has confirmed: what a figure is measured with.
var Durable = []string{"fsync=on", "synchronous_commit=on", "full_page_writes=on"}

// quick are the settings of a server that need not survive a power cut.
var quick = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off"}

// keeper runs the server and outlives a test program that is killed: when its standard input ends it stops the server, and removes the
// folder too unless it was told to keep it.
const keeper = `trap '' INT
"$@" & server=$!
read -r word
kill -INT "$server"
wait "$server"
[ "$word" = keep ] || rm -rf "$PM_TEST_FOLDER"`

// Server is a server of the test's own.
type Server struct {
	bin, folder, secret string
	port                int
	settings            []string
	as                  *syscall.SysProcAttr

	keeper *exec.Cmd
	word   io.WriteCloser
}

// Start makes a server with settings of its own, and starts it. It is stopped and removed when the test ends.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newServer(settings)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.keeper == nil {
			_ = os.RemoveAll(s.folder)
			return
		}
		if err := s.stop(""); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Stop stops the server and cuts its connections. What it holds stays for Start.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop("keep\n"); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a server that was stopped.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// URL names a database of the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://pm:%s@127.0.0.1:%d/%s", s.secret, s.port, database)
}

// Socket names a database through the server's socket: no password, and less between.
func (s *Server) Socket(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&port=%d&user=pm", database, s.folder, s.port)
}

// Password is what must not show in any message.
func (s *Server) Password() string { return s.secret }

func newServer(settings []string) (*Server, error) {
	bin, err := programs(places())
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, secret: secrets.Text(), settings: append(slices.Clone(quick), settings...), as: &syscall.SysProcAttr{Setpgid: true}}
	if s.folder, err = os.MkdirTemp("", "pm-postgres-"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // the server refuses to run as root
		if s.as.Credential, err = somebody(); err == nil {
			err = os.Chown(s.folder, int(s.as.Credential.Uid), int(s.as.Credential.Gid))
		}
	}
	if err == nil {
		err = s.initialize()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.folder))
	}
	return s, nil
}

// places are where the programs of PostgreSQL may be: Debian's folders, the newest version first, and those of the path.
func places() []string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	return append(folders, filepath.SplitList(os.Getenv("PATH"))...)
}

// programs finds the folder of initdb and postgres.
func programs(places []string) (string, error) {
	for _, folder := range places {
		_, err := os.Stat(filepath.Join(folder, "initdb"))
		_, err2 := os.Stat(filepath.Join(folder, "postgres"))
		if err == nil && err2 == nil {
			return folder, nil
		}
	}
	return "", errors.New(install)
}

func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// somebody is an account without rights.
func somebody() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other account: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err, err2)
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) initialize() error {
	// A file that only root and the server's account can reach: the folder is closed to others.
	secret := filepath.Join(s.folder, "secret")
	if err := os.WriteFile(secret, []byte(s.secret+"\n"), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(s.bin+"/initdb", "-D", s.data(), "-U", "pm", "-E", "UTF8", "--locale=C", "--no-sync", "-A", "scram-sha-256",
		"--auth-local=trust", "--pwfile="+secret)
	cmd.Dir, cmd.SysProcAttr = s.folder, s.as
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return os.Remove(secret)
}

// freePort finds a port below those that the system gives to whoever connects: one of those could be taken while the server is stopped,
// and who dials it then may even reach himself.
func freePort() (int, error) {
	const first, count, tries = 20_000, 10_000, 50
	var err error
	for range tries {
		var l net.Listener
		port := first + rand.N(count)
		if l, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port after %d tries: %w", tries, err)
}

// start starts the server on its port, or on a free one the first time, and waits until it answers.
func (s *Server) start() error {
	if s.port == 0 {
		var err error
		if s.port, err = freePort(); err != nil {
			return err
		}
	}
	args := []string{"-c", keeper, "keeper", s.bin + "/postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.folder,
		"-c", "listen_addresses=127.0.0.1", "-c", "logging_collector=off"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.keeper = exec.Command("/bin/sh", args...)
	s.keeper.Dir, s.keeper.SysProcAttr, s.keeper.Stdout, s.keeper.Stderr = s.folder, s.as, log, log
	s.keeper.Env = append(os.Environ(), "PM_TEST_FOLDER="+s.folder)
	if s.word, err = s.keeper.StdinPipe(); err != nil {
		return err
	}
	if err := s.keeper.Start(); err != nil {
		return err
	}
	return s.wait()
}

// wait asks the server until it answers.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), StartTimeout)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgconn.Connect(ctx, s.Socket("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return errors.Join(fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log), s.stop(""))
		}
	}
}

// stop ends the server as a stop of the service does, and leaves a word to the keeper.
func (s *Server) stop(word string) error {
	_, err := io.WriteString(s.word, word)
	err = errors.Join(err, s.word.Close(), s.keeper.Wait())
	s.keeper = nil
	return err
}
