package abuse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The slow ones. A connection has 2 s for its header and 5 s for its whole request; what the machine needs beyond that is allowed for.
const (
	slowConnections = 1000
	servedWithin    = time.Second
	cutOffWithin    = 15 * time.Second
)

// said is what a slow connection says before it falls silent.
var said = map[string]string{
	"nothing":           "",
	"half a line":       "POST /webh",
	"half a header":     "POST /webhook HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
	"no body":           "POST /webhook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "\r\nContent-Length: 200\r\n\r\n",
	"half a body":       "POST /webhook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "\r\nContent-Length: 200\r\n\r\n{\"type\":\"EXIT\"",
	"a chunk of no end": "POST /webhook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n",
}

func TestAThousandSlowConnectionsHoldUpNobodyAndAreCutOff(t *testing.T) {
	p := start(t, "")
	before := len(p.history())
	kinds := make([]string, 0, len(said))
	for kind := range said {
		kinds = append(kinds, kind)
	}
	conns := make([]net.Conn, 0, slowConnections)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range slowConnections {
		conn, err := net.Dial("tcp", p.Address)
		require.NoError(t, err, "connection %d", i)
		conns = append(conns, conn)
		_, err = io.WriteString(conn, said[kinds[i%len(kinds)]])
		require.NoError(t, err)
	}
	opened := time.Now()
	slowest := time.Duration(0)
	for i := range 20 {
		a := p.post(exit("BANK_NIFTY", fmt.Sprintf(`,"id":"during-%d"`, i)))
		require.Equal(t, http.StatusOK, a.status, a.body)
		slowest = max(slowest, a.took)
	}
	require.Less(t, slowest, servedWithin, "a sound request is served while the slow ones wait")
	answers := map[string]int{}
	for i, conn := range conns {
		require.NoError(t, conn.SetReadDeadline(opened.Add(cutOffWithin)))
		text, err := io.ReadAll(conn)
		var patience net.Error
		require.False(t, errors.As(err, &patience) && patience.Timeout(), "%s: was not cut off", kinds[i%len(kinds)])
		line, _, _ := bytes.Cut(text, []byte("\r\n"))
		answers[string(line)]++
	}
	t.Logf("%d slow connections cut off within %v, the slowest answer beside them %v; they heard %v", slowConnections,
		time.Since(opened).Round(time.Millisecond), slowest.Round(time.Millisecond), answers)
	require.Zero(t, answers["HTTP/1.1 200 OK"])
	require.Equal(t, 20, count(p.history()[before:], "SignalReceived"), "half a request is none")
}
