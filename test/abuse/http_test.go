package abuse

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is more patient than a chart platform, since how long an answer took is judged by the tests that measure it, and keeps
// enough connections for every sender of a burst.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4096}}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	read   outcome
}

// outcome is the part of an answer that the tests look at.
type outcome struct {
	Status    string `json:"status"`
	SignalID  string `json:"signal_id"`
	Revision  uint64 `json:"revision"`
	First     uint64 `json:"first_revision"`
	RequestID string `json:"request_id"`
	Decision  struct {
		Action string `json:"action"`
		Lots   int    `json:"lots"`
	} `json:"decision"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field"`
		Details []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"details"`
	} `json:"error"`
}

// send makes a request; any goroutine may call it. Headers come as name, value, name, value.
func (p *program) send(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(p.T.Context(), method, "http://"+p.Address+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(text), took: time.Since(began)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		err = json.Unmarshal(text, &a.read)
	}
	return a, err
}

// post sends a signal with the secret in its header.
func (p *program) post(body string, headers ...string) answer {
	p.T.Helper()
	a, err := p.send(http.MethodPost, "/webhook", body, append([]string{"Authorization", "Bearer " + secret}, headers...)...)
	require.NoError(p.T, err)
	return a
}

// stranger sends a signal without any header of ours.
func (p *program) stranger(body string, headers ...string) answer {
	p.T.Helper()
	a, err := p.send(http.MethodPost, "/webhook", body, headers...)
	require.NoError(p.T, err)
	return a
}

// explained holds an error answer to what every sender may expect of one: JSON, a code, a sentence, a request id to ask with.
func explained(t *testing.T, name string, a answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.status, "%s: %s", name, a.body)
	require.Equal(t, code, a.read.Error.Code, "%s: %s", name, a.body)
	require.Greater(t, len(strings.Fields(a.read.Error.Message)), 3, "%s: a sentence: %s", name, a.body)
	require.NotEmpty(t, a.read.RequestID, name)
	require.Equal(t, a.header.Get("X-Request-Id"), a.read.RequestID, name)
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), name)
	require.Equal(t, status >= 500, a.header.Get("Retry-After") != "", "%s: Retry-After stands where sending again helps", name)
}

func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// base is a sound base entry of Bank Nifty, 8 lots of a new portfolio, with further members.
func base(more string) string {
	return fmt.Sprintf(`{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","timestamp":%q,"position":"Long_1","price":50000,"stop":49800,`+
		`"atr":200,"er":1,"supertrend":49800%s}`, stamp(), more)
}

// exit asks for everything of an instrument.
func exit(instrument, more string) string {
	return fmt.Sprintf(`{"type":"EXIT","instrument":%q,"position":"ALL"%s}`, instrument, more)
}
