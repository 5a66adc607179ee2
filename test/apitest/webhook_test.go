package apitest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
	"pm/eventstore"
)

func TestAnAcceptedEntrySaysWhatWasDecidedAndAtWhichRevision(t *testing.T) {
	r := start(t)
	a := r.post(base(""))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "accepted", a.at("status"))
	require.Equal(t, "open_base", a.at("decision.action"))
	require.Equal(t, "BANK_NIFTY-1-Long_1", a.at("decision.position_id"))
	require.Equal(t, "Long_1", a.at("decision.layer"))
	require.Equal(t, "8", a.at("decision.lots"))
	require.Equal(t, "risk", a.at("decision.limiter"))
	require.Equal(t, "5000000", a.at("decision.sizing.equity"))
	require.Equal(t, "2", a.at("revision"), "revision 2 is the first after the two of the opening")
	require.Equal(t, "SignalReceived", r.get("/api/v1/events?from=2&limit=1").at("events.0.type"))
	require.Len(t, a.at("signal_id"), 64)
	require.Equal(t, a.header.Get("X-Request-Id"), a.at("request_id"))
}

func TestARefusedEntryIsAnAnswerWithEverySentenceAndFigure(t *testing.T) {
	r := start(t)
	a := r.post(signal("PYRAMID", "GOLD_MINI", `"position":"Long_2","price":70000,"stop":70001,"atr":100,"er":1,"supertrend":69900`))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "rejected", a.at("status"))
	require.Equal(t, "2", a.at("revision"))
	codes := map[string]string{}
	for i := range 10 {
		if code := a.at("reasons." + strconv.Itoa(i) + ".code"); code != "<none>" {
			codes[code] = a.at("reasons." + strconv.Itoa(i) + ".message")
		}
	}
	require.Equal(t, domain.ReasonNoBase.Sentence(), codes["no_base"])
	require.Equal(t, domain.ReasonInvalidRisk.Sentence(), codes["invalid_risk"])
	require.Equal(t, "<none>", a.at("decision"))
}

func TestEveryTypeOfSignalNamesItsAction(t *testing.T) {
	r := start(t)
	require.Equal(t, "open_base", r.post(base("")).at("decision.action"))
	r.settled()
	require.Equal(t, "mark", r.post(signal("MARKET_DATA", "BANK_NIFTY", `"price":50700,"atr":200,"supertrend":49900`)).at("decision.action"))
	added := r.post(signal("PYRAMID", "BANK_NIFTY", `"position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700`))
	require.Equal(t, "add_layer", added.at("decision.action"), added.body)
	require.Equal(t, "Long_2", added.at("decision.layer"))
	r.settled()
	out := r.post(`{"type":"EXIT","instrument":"bank_nifty","position":"ALL","price":"none"}`)
	require.Equal(t, "exit", out.at("decision.action"), out.body)
	require.Contains(t, out.at("flags"), "price: ", "a fault that an exit survives is shown")
	require.NotEqual(t, "0", out.at("decision.lots"))
}

func TestASignalSentTwiceIsAnsweredWithItsFirstOutcome(t *testing.T) {
	r := start(t)
	body := base(`,"id":"chart-1"`)
	first := r.post(body)
	require.Equal(t, "accepted", first.at("status"))
	r.settled()
	again := r.post(body)
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, "duplicate", again.at("status"))
	require.Equal(t, "chart-1", again.at("signal_id"))
	require.Equal(t, first.at("revision"), again.at("first_revision"))
	for _, key := range []string{"status", "signal_id", "revision", "decision"} {
		require.Equal(t, first.at(key), again.at("first."+key), key)
	}
	require.NotEqual(t, first.at("request_id"), again.at("request_id"))
}

func TestADuplicateOfAnExitHasTheFirstOutcomeOfTheSignalThatLedToIt(t *testing.T) {
	r := traded(t, staffed)
	require.Equal(t, http.StatusOK, r.command("olga", "halt", `{"reason":"a look"}`).status)
	first := r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"Long_2","price":"none","id":"e1"}`)
	require.Equal(t, "accepted", first.at("status"), first.body)
	require.Contains(t, first.at("flags"), "price: ")
	again := r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"Long_2","price":50800,"id":"e2"}`)
	require.Equal(t, "duplicate", again.at("status"), again.body)
	for _, key := range []string{"status", "signal_id", "revision", "decision", "flags"} {
		require.Equal(t, first.at(key), again.at("first."+key), "%s: %s", key, again.body)
	}
}

func TestADuplicateIsAnsweredEvenIfTheFirstOutcomeCannotBeRead(t *testing.T) {
	r := start(t)
	body := base(`,"id":"chart-1"`)
	require.Equal(t, "accepted", r.post(body).at("status"))
	r.settled()
	require.NoError(t, r.history.WaitFor(t.Context(), 2))
	r.log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errors.New("the disk does not answer") }})
	again := r.post(body)
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, "duplicate", again.at("status"))
	require.Equal(t, "2", again.at("first_revision"))
	require.Equal(t, "accepted", again.at("first.status"))
	r.log.Fault(eventstore.Faults{})
}

func TestTheSameIDWithOtherContentIsAConflict(t *testing.T) {
	r := start(t)
	require.Equal(t, "accepted", r.post(base(`,"id":"chart-1"`)).at("status"))
	a := r.post(signal("BASE_ENTRY", "GOLD_MINI", `"position":"Long_1","price":70000,"stop":69900,"atr":100,"er":1,"supertrend":69900,"id":"chart-1"`))
	require.Equal(t, http.StatusConflict, a.status, a.body)
	require.Equal(t, "id_conflict", a.at("error.code"))
	require.Equal(t, "id", a.at("error.field"))
	require.Equal(t, "id_conflict", r.get("/readyz").at("alarms.0.code"))
}

func TestAnExitWithAUsedIDIsStillAnsweredAsTheExitThatItIs(t *testing.T) {
	r := start(t)
	require.Equal(t, "accepted", r.post(base(`,"id":"chart-1"`)).at("status"))
	r.settled()
	a := r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","id":"chart-1"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "accepted", a.at("status"), "the alarm before it must not hide what was decided")
	require.Equal(t, "exit", a.at("decision.action"))
	require.Equal(t, "8", a.at("decision.lots"))
}

func TestFaultsOfFormAreAllNamedAndLeaveNoTrace(t *testing.T) {
	r := start(t)
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, c := range map[string]struct{ body, code, field string }{
		"nothing":            {``, "bad_json", "<none>"},
		"no object":          {`[1]`, "bad_json", "<none>"},
		"two values":         {`{"type":"EXIT"} {"type":"EXIT"}`, "bad_json", "<none>"},
		"cut off":            {`{"type":"EXIT`, "bad_json", "type"},
		"invalid UTF-8":      {"{\"type\":\"EX\xffIT\"}", "bad_json", "<none>"},
		"20,000 deep":        {`{"x":` + deep[:8000] + `}`, "bad_json", "x"},
		"NaN":                {strings.Replace(base(""), "50000", "NaN", 1), "bad_json", "price"},
		"a key twice":        {base(`,"price":50001`), "bad_json", "price"},
		"no type":            {`{"instrument":"BANK_NIFTY"}`, "missing_field", "type"},
		"no such type":       {`{"type":"BUY","instrument":"BANK_NIFTY"}`, "invalid_field", "type"},
		"a type of no text":  {`{"type":1,"instrument":"BANK_NIFTY"}`, "invalid_field", "type"},
		"price of no number": {strings.Replace(base(""), "50000", `{"a":1}`, 1), "invalid_field", "price"},
		"too many digits":    {strings.Replace(base(""), "50000", "50000.123456789", 1), "invalid_field", "price"},
		"ER above one":       {strings.Replace(base(""), `"er":1`, `"er":1.01`, 1), "invalid_field", "er"},
	} {
		a := r.post(c.body)
		require.Equal(t, http.StatusBadRequest, a.status, "%s: %s", name, a.body)
		require.Equal(t, c.code, a.at("error.code"), "%s: %s", name, a.body)
		if c.field != "<none>" {
			require.Equal(t, c.field, a.at("error.field"), "%s: %s", name, a.body)
		}
		require.Equal(t, c.code, a.at("error.details.0.code"), name)
		require.NotEmpty(t, a.at("error.message"), name)
	}
	several := r.post(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"yesterday","price":-1}`)
	var fields []string
	for i := range 4 {
		fields = append(fields, several.at("error.details."+strconv.Itoa(i)+".field"))
	}
	require.ElementsMatch(t, []string{"timestamp", "price", "atr", "supertrend"}, fields, several.body)
	require.Equal(t, "1", r.get("/api/v1/events").at("revision"), "nothing but the opening is in the log")
}

func TestABodyOfSixteenKiBIsReadAndOneMoreByteIsNot(t *testing.T) {
	r := start(t)
	body := base("")
	full := body + strings.Repeat(" ", api.MaxBody-len(body))
	require.Equal(t, "accepted", r.post(full, "Content-Type", "text/plain; charset=utf-8").at("status"))
	over := r.post(full + " ")
	require.Equal(t, http.StatusRequestEntityTooLarge, over.status)
	require.Equal(t, "too_large", over.at("error.code"))
	deep := r.post(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000))
	require.Equal(t, http.StatusRequestEntityTooLarge, deep.status)
}

func TestABodyThatDoesNotArriveWholeIsToBeSentAgain(t *testing.T) {
	r := start(t, staffed)
	body := `{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","id":"slow-1"}`
	for name, path := range map[string]string{"a signal": "/webhook", "a command": "/api/v1/halt"} {
		conn, err := net.Dial("tcp", r.Listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer olga's token\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			path, len(body), body[:20])
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite(), "the line breaks in the middle")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, errors.Join(err, res.Body.Close()), name)
		a := reply{res.StatusCode, res.Header, string(text), t}
		require.Equal(t, http.StatusServiceUnavailable, a.status, "%s: a 4xx would say never to send it again: %s", name, a.body)
		require.Equal(t, "busy", a.at("error.code"), name)
		require.Equal(t, "1", a.header.Get("Retry-After"), name)
	}
	require.Equal(t, "1", r.head(), "nothing but the opening is in the log")
}

func TestAFullInboxTurnsEntriesAwayAndKeepsRoomForExits(t *testing.T) {
	r := start(t, func(s *setup) { s.engine.Inbox, s.engine.Reserve = 1, 1 })
	r.stall()
	answers := make(chan reply, 3)
	send := func(body string) { go func() { answers <- r.post(body) }() }
	send(base(""))
	// The writer has taken the first one and waits for the disk; the next two fill the inbox and its reserve.
	require.Eventually(t, func() bool { return r.engine.Waiting() == 0 && len(answers) == 0 && r.stalled() }, 5*time.Second, time.Millisecond)
	send(signal("BASE_ENTRY", "GOLD_MINI", `"position":"Long_1","price":70000,"stop":69900,"atr":100,"er":1,"supertrend":69900`))
	require.Eventually(t, func() bool { return r.engine.Waiting() == 1 }, 5*time.Second, time.Millisecond)
	refused := r.post(signal("BASE_ENTRY", "COPPER", `"position":"Long_1","price":800,"stop":790,"atr":4,"er":1,"supertrend":790`))
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "busy", refused.at("error.code"))
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	send(`{"type":"EXIT","instrument":"COPPER","position":"ALL"}`)
	require.Eventually(t, func() bool { return r.engine.Waiting() == 2 }, 5*time.Second, time.Millisecond, "an exit finds room")
	r.release()
	for range 3 {
		require.Equal(t, http.StatusOK, (<-answers).status)
	}
	copper := r.get("/api/v1/signals?instrument=COPPER")
	require.Equal(t, "EXIT", copper.at("signals.0.type"))
	require.Equal(t, "<none>", copper.at("signals.1"), "what was turned away left no trace")
}

func TestASenderHearsWithinItsTimeThatTheOutcomeIsUnknown(t *testing.T) {
	r := start(t)
	body := base(`,"id":"slow"`)
	r.stall()
	began := time.Now()
	a := r.post(body)
	require.Equal(t, http.StatusGatewayTimeout, a.status, a.body)
	require.Equal(t, "outcome_unknown", a.at("error.code"))
	require.Less(t, time.Since(began), 3*time.Second, "TradingView hangs up after three seconds")
	r.release()
	again := r.post(body)
	require.Equal(t, "duplicate", again.at("status"), "sent again, it is recognized: %s", again.body)
}

func TestWhatAnErrorOfTheEngineMeansToASender(t *testing.T) {
	r := start(t)
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"stopped":        {api.ErrStopped, http.StatusServiceUnavailable, "log_unavailable"},
		"unknown":        {api.ErrOutcomeUnknown, http.StatusGatewayTimeout, "outcome_unknown"},
		"never heard of": {errors.New("strange"), http.StatusGatewayTimeout, "outcome_unknown"},
	} {
		deps := r.deps
		deps.Submit = func(context.Context, domain.Command) (api.Reply, error) { return api.Reply{}, c.err }
		r.api.Activate(deps)
		a := r.post(base(""))
		require.Equal(t, c.status, a.status, name)
		require.Equal(t, c.code, a.at("error.code"), name)
		require.NotEmpty(t, a.header.Get("Retry-After"), name)
	}
}

func TestBeforeAndAfterItsLifeTheServiceTakesNothing(t *testing.T) {
	r := start(t)
	for status, code := range map[string]string{api.Recovering: "recovering", api.Stopping: "log_unavailable", api.Crashed: "log_unavailable"} {
		r.api.SetStatus(status, "for a reason")
		a := r.post(base(""))
		require.Equal(t, http.StatusServiceUnavailable, a.status, status)
		require.Equal(t, code, a.at("error.code"), status)
		require.Equal(t, "5", a.header.Get("Retry-After"), status)
		require.Equal(t, http.StatusServiceUnavailable, r.get("/api/v1/portfolio").status, status)
		require.Equal(t, http.StatusBadRequest, r.post("no json").status, "a fault of form is named all the same")
	}
}

func TestAPanicIsAnAnswerAndNoSilence(t *testing.T) {
	r := start(t)
	deps := r.deps
	deps.Submit = func(context.Context, domain.Command) (api.Reply, error) { panic("a defect") }
	r.api.Activate(deps)
	a := r.post(base(""))
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.Equal(t, "internal", a.at("error.code"))
	r.api.Activate(r.deps)
	require.Equal(t, "accepted", r.post(base("")).at("status"), "the next one is served")
}

func TestARequestKeepsASaneIDOfItsOwn(t *testing.T) {
	r := start(t)
	require.Equal(t, "chart_7.a-B", r.post(`{`, "X-Request-Id", "chart_7.a-B").at("request_id"))
	for _, odd := range []string{`a b`, `a"b`, strings.Repeat("a", 65), ""} {
		id := r.post(`{`, "X-Request-Id", odd).at("request_id")
		require.NotEqual(t, odd, id)
		require.Len(t, id, 36)
	}
	require.Equal(t, strings.Repeat("a", 64), r.post(`{`, "X-Request-Id", strings.Repeat("a", 64)).at("request_id"))
}

func TestOtherAddressesAndMethodsAreAnsweredInJSON(t *testing.T) {
	r := start(t)
	a := r.get("/api/v2/portfolio")
	require.Equal(t, http.StatusNotFound, a.status)
	require.Equal(t, "not_found", a.at("error.code"))
	require.NotEmpty(t, a.at("request_id"))
	a = r.get("/webhook")
	require.Equal(t, http.StatusMethodNotAllowed, a.status)
	require.Equal(t, "method_not_allowed", a.at("error.code"))
	require.Equal(t, http.StatusOK, r.do("HEAD", "/readyz", "").status)
}
