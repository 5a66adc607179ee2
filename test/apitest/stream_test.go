package apitest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
)

// listener reads one stream.
type listener struct {
	t       *testing.T
	stop    context.CancelFunc
	body    *bufio.Reader
	lastID  string // as a browser keeps it
	comment int
}

// listen opens a stream behind the last event that the reader has, "" for none.
func (r *rig) listen(query, lastID string) (*listener, int) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/api/v1/events/stream"+query, nil)
	require.NoError(r.t, err)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := r.Client().Do(req)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { stop(); _ = res.Body.Close() })
	return &listener{t: r.t, stop: stop, body: bufio.NewReader(res.Body), lastID: lastID}, res.StatusCode
}

// block reads up to the next empty line: the fields by name, nil at the end of the stream.
func (l *listener) block() map[string]string {
	fields := map[string]string{}
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			return nil
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
		if strings.HasPrefix(line, ":") {
			l.comment++
		}
	}
	if id, ok := fields["id"]; ok {
		l.lastID = id
	}
	return fields
}

// event reads the next event and gives its data.
func (l *listener) event() string {
	for {
		fields := l.block()
		if fields == nil {
			return ""
		}
		if data := fields["data"]; data != "" {
			require.Contains(l.t, data, `"revision":`+fields["id"]+`,`)
			require.Contains(l.t, data, `"type":"`+fields["event"]+`"`)
			return data
		}
	}
}

func TestAReaderThatIsCutOffAHundredTimesMissesNothingAndSeesNothingTwice(t *testing.T) {
	r := start(t)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range 400 {
			r.post(signal("MARKET_DATA", "BANK_NIFTY", fmt.Sprintf(`"price":%d,"atr":200,"supertrend":49900,"id":"b%d"`, 50000+i, i)))
		}
	}()
	const events = 2 + 800 // a bar is a signal and what it says
	var seen []string
	id, cuts := "", 0
	for len(seen) < events {
		query := ""
		if id == "" {
			query = "?from=0"
		}
		l, status := r.listen(query, id)
		require.Equal(t, http.StatusOK, status)
		for range 1 + cuts%13 {
			if len(seen) == events {
				break
			}
			seen = append(seen, l.event())
		}
		id = l.lastID
		l.stop()
		cuts++
	}
	<-sent
	require.GreaterOrEqual(t, cuts, 100)
	lines := strings.Split(strings.TrimSpace(r.get("/api/v1/events?limit=1000", "Accept", "application/x-ndjson").body), "\n")
	require.Equal(t, lines, seen, "the very events of the log, each once, in order")
}

func TestAStreamBeginsWithWhatComesNextUnlessItIsToldOtherwise(t *testing.T) {
	r := start(t)
	l, _ := r.listen("", "")
	first := l.block()
	require.Equal(t, "1", first["id"], "a reader that is cut off now comes back to here")
	require.Empty(t, first["data"])
	require.Equal(t, "1000", first["retry"])
	r.post(base(""))
	require.Contains(t, l.event(), `"type":"SignalReceived"`)
	require.Equal(t, "2", l.lastID)
	for query, want := range map[string]int{"?from=x": http.StatusBadRequest, "?from=99999": http.StatusNotFound} {
		_, status := r.listen(query, "")
		require.Equal(t, want, status, query)
	}
	for id, want := range map[string]int{"x": http.StatusBadRequest, "99999": http.StatusNotFound} {
		_, status := r.listen("", id)
		require.Equal(t, want, status, id)
	}
}

func TestAQuietStreamSaysThatItLivesAndOutlivesTheServersReadLimit(t *testing.T) {
	r := start(t, func(s *setup) { s.api.Heartbeat = 20 * time.Millisecond })
	server := httptest.NewUnstartedServer(r.api.Handler())
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	short := &rig{Server: server, t: t}
	l, status := short.listen("", "")
	require.Equal(t, http.StatusOK, status)
	for range 10 {
		require.NotNil(t, l.block(), "it goes on far beyond 50 ms")
	}
	require.GreaterOrEqual(t, l.comment, 9)
}

func TestStreamsAreBoundedAndEndWithTheService(t *testing.T) {
	r := start(t)
	var open []*listener
	for range api.MaxStreams {
		l, status := r.listen("", "")
		require.Equal(t, http.StatusOK, status)
		open = append(open, l)
	}
	a := r.get("/api/v1/events/stream")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "busy", a.at("error.code"))
	require.Equal(t, strconv.Itoa(5), a.header.Get("Retry-After"))
	open[0].stop()
	require.Eventually(t, func() bool {
		l, status := r.listen("", "")
		open = append(open, l)
		return status == http.StatusOK
	}, 5*time.Second, 10*time.Millisecond, "a place that was left is free")
	r.api.SetStatus(api.Stopping)
	for _, l := range open[1:api.MaxStreams] {
		require.Empty(t, l.event(), "the stream has ended")
	}
	require.Equal(t, http.StatusServiceUnavailable, r.get("/api/v1/events/stream").status)
}
