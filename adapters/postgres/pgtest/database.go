package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// shared is the server of the test program. Nobody stops it: its keeper does when the program has ended.
var shared = sync.OnceValues(func() (*Server, error) {
	s, err := newServer(nil)
	if err != nil {
		return nil, err
	}
	return s, s.start()
})

// Database makes an empty database and gives its URL. It is dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("PM_TEST_POSTGRES_URL"); given != "" {
		return database(t, given)
	}
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return database(t, s.URL("postgres"))
}

// Database makes an empty database on this server and gives its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return database(t, s.URL("postgres"))
}

func database(t testing.TB, server string) string {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "pm_test_" + strings.ToLower(rand.Text()[:12])
	Exec(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if conn, err := pgconn.Connect(context.Background(), server); err == nil { // a server that the test has stopped is removed as a whole
			_, err := conn.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)").ReadAll()
			if err != nil {
				t.Error(err)
			}
			_ = conn.Close(context.Background())
		}
	})
	at.Path = "/" + name
	return at.String()
}

// Exec runs statements as a person with an SQL shell would, and gives the rows of the last one as texts; a null is "".
func Exec(t testing.TB, url, sql string) [][]string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // a cleanup may call this too
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	var out [][]string
	for _, row := range results[len(results)-1].Rows {
		var texts []string
		for _, value := range row {
			texts = append(texts, string(value))
		}
		out = append(out, texts)
	}
	return out
}
