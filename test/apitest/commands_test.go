package apitest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
)

func (r *rig) command(name, path, body string) reply {
	return r.do("POST", "/api/v1/"+path, body, as(name)...)
}

// head is the revision of the last event.
func (r *rig) head() string { return r.get("/api/v1/portfolio", as("vic")...).at("revision") }

func TestHaltReduceAndResumeAreEventsWithTheirActorAndAreRepeatedByTheirID(t *testing.T) {
	r := start(t, staffed)
	for i, step := range []struct{ verb, state string }{{"halt", "HALTED"}, {"reduce", "REDUCING"}, {"resume", "ACTIVE"}} {
		body := fmt.Sprintf(`{"reason":"a look at the book","id":"c%d"}`, i)
		a := r.command("olga", step.verb, body)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, "done", a.at("status"))
		require.Equal(t, step.state, a.at("trading_state"))
		require.Equal(t, "false", a.at("repeated"))
		require.Equal(t, step.state, r.get("/api/v1/portfolio", as("vic")...).at("trading_state"))
		event := r.get("/api/v1/events?limit=1&from="+a.at("revision"), as("vic")...)
		require.Equal(t, "TradingStateChanged", event.at("events.0.type"))
		require.Equal(t, "olga", event.at("events.0.data.by"))
		require.Equal(t, "a look at the book", event.at("events.0.data.reason"))
		head := r.head()
		again := r.command("olga", step.verb, body)
		require.Equal(t, http.StatusOK, again.status, again.body)
		require.Equal(t, a.at("revision"), again.at("revision"))
		require.Equal(t, "true", again.at("repeated"))
		require.Equal(t, head, r.head(), "nothing new was recorded")
	}
	a := r.command("olga", "resume", `{"reason":"again"}`)
	require.Equal(t, "unchanged", a.at("status"), "it is active already")
	require.Equal(t, "ACTIVE", a.at("trading_state"))
	require.Len(t, a.at("id"), 36, "one is made up where none was sent")
}

func TestAnIDUsedForAnotherCommandIsAConflict(t *testing.T) {
	r := start(t, staffed)
	require.Equal(t, http.StatusOK, r.command("ada", "capital", `{"type":"deposit","amount":"100.50","id":"c1"}`).status)
	for path, body := range map[string]string{
		"halt":    `{"reason":"x","id":"c1"}`,
		"capital": `{"type":"deposit","amount":"100.51","id":"c1"}`,
	} {
		a := r.command("ada", path, body)
		require.Equal(t, http.StatusConflict, a.status, a.body)
		require.Equal(t, "id_conflict", a.at("error.code"))
	}
	require.Equal(t, "true", r.command("ada", "capital", `{"type":"deposit","amount":100.5,"id":"c1"}`).at("repeated"))
	require.Equal(t, "5000100.5", r.get("/api/v1/portfolio", as("vic")...).at("equity.closed"))
}

func TestAnIDOfAnExitWhoseEntryWasInFlightIsNoOtherPositions(t *testing.T) {
	r := start(t, staffed, func(s *setup) { s.paper.Delay = time.Hour })
	position := r.post(base("")).at("decision.position_id")
	first := r.command("olga", "positions/"+position+"/exit", `{"reason":"enough","id":"x1"}`)
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.Equal(t, "[]", first.at("exits.0.claims"), "nothing is held yet: %s", first.body)
	for range 2 { // while the entry is open, and once it has ended
		other := r.command("olga", "positions/GOLD_MINI-2-Long_1/exit", `{"reason":"enough","id":"x1"}`)
		require.Equal(t, http.StatusConflict, other.status, other.body)
		require.Equal(t, "id_conflict", other.at("error.code"))
		again := r.command("olga", "positions/"+position+"/exit", `{"reason":"enough","id":"x1"}`)
		require.Equal(t, "true", again.at("repeated"), again.body)
		require.Equal(t, first.at("revision"), again.at("revision"))
		r.settled()
	}
}

func TestOnePositionIsExitedAndThenEverything(t *testing.T) {
	r := traded(t, staffed)
	exit := r.command("olga", "positions/BANK_NIFTY-1-Long_2/exit", `{"reason":"enough","id":"x1"}`)
	require.Equal(t, http.StatusOK, exit.status, exit.body)
	require.Equal(t, "BANK_NIFTY-1-Long_2", exit.at("exits.0.claims.0.position_id"))
	r.settled()
	require.Equal(t, exit.at("revision"), r.command("olga", "positions/BANK_NIFTY-1-Long_2/exit", `{"reason":"enough","id":"x1"}`).at("revision"))
	gone := r.command("olga", "positions/BANK_NIFTY-1-Long_2/exit", `{"reason":"enough","id":"x2"}`)
	require.Equal(t, http.StatusConflict, gone.status)
	require.Equal(t, "not_open", gone.at("error.code"))

	head := r.head()
	dry := r.command("olga", "close-all", `{"reason":"home","dry_run":true,"id":"x3"}`)
	require.Equal(t, http.StatusOK, dry.status, dry.body)
	require.Equal(t, "planned", dry.at("status"))
	require.Equal(t, "BANK_NIFTY-1-Long_1", dry.at("exits.0.claims.0.position_id"))
	require.Equal(t, head, r.head(), "a dry run records nothing")
	all := r.command("olga", "close-all", `{"reason":"home","id":"x3"}`)
	require.Equal(t, http.StatusOK, all.status, all.body)
	require.Equal(t, dry.at("exits.0.claims"), all.at("exits.0.claims"), "what was planned is what is done")
	r.settled()
	require.Equal(t, "[]", r.get("/api/v1/positions", as("vic")...).at("positions"))
	require.Equal(t, all.at("revision"), r.command("olga", "close-all", `{"reason":"home","id":"x3"}`).at("revision"))
	for _, body := range []string{`{"reason":"home","dry_run":true}`, `{"reason":"home"}`} {
		a := r.command("olga", "close-all", body)
		require.Equal(t, http.StatusConflict, a.status)
		require.Equal(t, "not_open", a.at("error.code"))
	}
}

func TestAnExitThatStandsIsWithdrawn(t *testing.T) {
	r := traded(t, staffed)
	require.Equal(t, http.StatusOK, r.command("olga", "halt", `{"reason":"a look"}`).status)
	require.Equal(t, "none", r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"Long_2"}`).at("decision.action"))
	id := r.get("/api/v1/portfolio", as("vic")...).at("standing_exits.0.intent_id")
	a := r.command("olga", "exits/"+id+"/withdraw", `{"reason":"a mistake","id":"w1"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.at("withdrawn"), id)
	require.Equal(t, "[]", r.get("/api/v1/portfolio", as("vic")...).at("standing_exits"))
	require.Equal(t, a.at("revision"), r.command("olga", "exits/"+id+"/withdraw", `{"reason":"a mistake","id":"w1"}`).at("revision"))
	require.Equal(t, "not_standing", r.command("olga", "exits/"+id+"/withdraw", `{"reason":"a mistake"}`).at("error.code"))
}

func TestLimitsAreReadAndChangedInPart(t *testing.T) {
	r := start(t, staffed)
	require.Equal(t, "15", limit(r, "limits"))
	a := r.command("ada", "limits", `{"base_risk_percent":14.50,"risk.peel_off":true,"sizing_equity":"open","id":"l1"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "14.5", limit(r, "limits"))
	require.Equal(t, "15", limit(r, "configured"))
	require.Equal(t, "true", r.command("ada", "limits", `{"base_risk_percent":14.5,"risk.peel_off":true,"sizing_equity":"open","id":"l1"}`).at("repeated"))
	require.Equal(t, "unchanged", r.command("ada", "limits", `{"base_risk_percent":"14.5"}`).at("status"))
	for body, want := range map[string]string{
		`{"base_rsk_percent":14}`: "unknown_limit", `{"base_risk_percent":101}`: "invalid_limit", `{"sizing_equity":"all"}`: "invalid_limit",
	} {
		a := r.command("ada", "limits", body)
		require.Equal(t, http.StatusConflict, a.status, a.body)
		require.Equal(t, want, a.at("error.code"))
	}
}

func TestAnIDOfLimitsIsNoOtherLimits(t *testing.T) {
	r := start(t, staffed)
	repeated := func(body string) {
		t.Helper()
		a := r.command("ada", "limits", body)
		require.Equal(t, "true", a.at("repeated"), a.body)
	}
	conflict := func(body string) {
		t.Helper()
		a := r.command("ada", "limits", body)
		require.Equal(t, http.StatusConflict, a.status, a.body)
		require.Equal(t, "id_conflict", a.at("error.code"))
	}
	require.Equal(t, "done", r.command("ada", "limits", `{"id":"L1","base_risk_percent":14,"peel_off":false}`).at("status"))
	repeated(`{"id":"L1","base_risk_percent":14,"peel_off":false}`)
	repeated(`{"id":"L1","base_risk_percent":14}`)
	conflict(`{"id":"L1","base_risk_percent":14,"base_volatility_percent":1}`)
	conflict(`{"id":"L1","base_risk_percent":14,"peel_off":true}`)
	conflict(`{"id":"L1","base_risk_percent":14,"base_rsk_percent":1}`)
	conflict(`{"id":"L1","base_risk_percent":13}`)
	conflict(`{"id":"L1","peel_off":false}`)

	require.Equal(t, "done", r.command("ada", "limits", `{"id":"L2","peel_off":true,"base_risk_percent":13}`).at("status"))
	repeated(`{"id":"L1","base_risk_percent":14,"peel_off":false}`)
	conflict(`{"id":"L1","base_risk_percent":14,"peel_off":true}`)
	require.Equal(t, "13", limit(r, "limits"), "no repeat changed anything")
}

// limit is the base risk limit of the answer.
func limit(r *rig, where string) string {
	a := r.get("/api/v1/limits", as("vic")...)
	_, rest, _ := strings.Cut(a.at(where), "risk.base_risk_percent:")
	value, _, _ := strings.Cut(rest, " ")
	return value
}

func TestACommandWithFaultsOfFormIsRefusedWithEveryOneAndNothingIsRecorded(t *testing.T) {
	r := start(t, staffed)
	head := r.head()
	long := strings.Repeat("x", api.MaxReason+1)
	for body, want := range map[string]string{
		`{`: "bad_json", `[]`: "bad_json", `"x"`: "bad_json", `{"reason":"x"} {}`: "bad_json", `{"reason":"x","reason":"y"}`: "bad_json",
		"{\"reason\":\"\xff\"}": "bad_json", `{"reason":NaN}`: "bad_json", `{"reason":` + strings.Repeat("[", 10_001): "bad_json",
		`{}`: "missing_field", ``: "missing_field", `{"reason":"  "}`: "missing_field",
		`{"reason":7}`: "invalid_field", `{"reason":null}`: "invalid_field", `{"reason":"x","extra":1}`: "invalid_field",
		`{"reason":"` + long + `"}`: "invalid_field", `{"reason":"a\u0000b"}`: "invalid_field",
		`{"reason":"x","id":"` + strings.Repeat("i", api.MaxCommandID+1) + `"}`: "invalid_field",
	} {
		a := r.command("olga", "halt", body)
		require.Equal(t, http.StatusBadRequest, a.status, "%.80s: %s", body, a.body)
		require.Equal(t, want, a.at("error.code"), "%.80s", body)
	}
	for body, field := range map[string]string{
		`{"type":"deposit","amount":1}`: "id", `{"type":"give","amount":1,"id":"a"}`: "type", `{"type":"deposit","id":"a"}`: "amount",
		`{"type":"deposit","amount":"1e99","id":"a"}`: "amount", `{"type":"deposit","amount":{},"id":"a"}`: "amount",
	} {
		a := r.command("ada", "capital", body)
		require.Equal(t, http.StatusBadRequest, a.status, a.body)
		require.Equal(t, field, a.at("error.field"), body)
	}
	all := r.command("ada", "capital", `{"kind":1}`)
	require.Equal(t, "amount", all.at("error.details.2.field"), "every problem at once: %s", all.body)
	require.Equal(t, "bad_json", r.command("ada", "limits", `{"peel_off":true,"peel_off":true}`).at("error.code"))
	require.Equal(t, "missing_field", r.command("ada", "limits", `{"id":"x"}`).at("error.code"))
	require.Equal(t, "invalid_field", r.command("ada", "limits", `{"peel_off":{}}`).at("error.code"))
	large := r.command("olga", "halt", `{"reason":"`+strings.Repeat("x", api.MaxBody)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, large.status)
	form := r.do("POST", "/api/v1/halt", `{"reason":"x"}`, "Authorization", "Bearer olga's token", "Content-Type", "text/plain")
	require.Equal(t, http.StatusUnsupportedMediaType, form.status)
	require.Equal(t, "unsupported_media_type", form.at("error.code"))
	require.Equal(t, head, r.head())
	exact := r.command("olga", "halt", `{"reason":"`+long[1:]+`","id":"`+strings.Repeat("i", api.MaxCommandID)+`"}`)
	require.Equal(t, http.StatusOK, exact.status, exact.body)
}

func TestARefusalOfTheRulesHasItsCode(t *testing.T) {
	r := start(t, staffed)
	a := r.command("ada", "capital", `{"type":"withdraw","amount":5000001,"id":"a"}`)
	require.Equal(t, http.StatusConflict, a.status)
	require.Equal(t, "not_enough", a.at("error.code"))
	a = r.command("ada", "capital", `{"type":"deposit","amount":0,"id":"a"}`)
	require.Equal(t, "invalid_amount", a.at("error.code"))
	a = r.command("olga", "positions/NONE-1-Long_1/exit", `{"reason":"x"}`)
	require.Equal(t, "not_open", a.at("error.code"))
}

func TestACommandOfUnknownOutcomeSaysSoAndItsRepeatIsRecognized(t *testing.T) {
	r := start(t, staffed)
	r.stall()
	a := r.command("olga", "halt", `{"reason":"x","id":"h1"}`)
	require.Equal(t, http.StatusGatewayTimeout, a.status)
	require.Equal(t, "outcome_unknown", a.at("error.code"))
	require.Contains(t, a.at("error.message"), "h1")
	r.release()
	a = r.command("olga", "halt", `{"reason":"x","id":"h1"}`)
	require.Equal(t, "true", a.at("repeated"), a.body)
	require.Equal(t, string(domain.Halted), r.get("/api/v1/portfolio", as("vic")...).at("trading_state"))
}
