package apitest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestTheFormatIsRaisedByAnAdminOnceAndShown(t *testing.T) {
	r := start(t, staffed)
	before := r.get("/api/v1/format", as("vic")...)
	require.Equal(t, fmt.Sprint(domain.FirstFormat), before.at("format"))
	require.Equal(t, fmt.Sprint(domain.Format), before.at("known"))
	require.Equal(t, http.StatusForbidden, r.command("olga", "format/raise", `{"to":2}`).status, "an operator ends no older build")

	a := r.command("ada", "format/raise", `{"to":2,"id":"f1"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "done", a.at("status"))
	require.Equal(t, "2", a.at("format"))
	event := r.get("/api/v1/events?limit=1&from="+a.at("revision"), as("vic")...)
	require.Equal(t, "FormatRaised", event.at("events.0.type"))
	require.Equal(t, "ada", event.at("events.0.data.by"))
	require.Equal(t, "2", r.get("/api/v1/format", as("vic")...).at("format"))

	head := r.head()
	again := r.command("ada", "format/raise", `{"to":2,"id":"f1"}`)
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, "unchanged", again.at("status"))
	require.Equal(t, head, r.head(), "a repeat records nothing")
	for body, code := range map[string]string{`{"to":1}`: "already_raised", `{"to":3}`: "unknown_format"} {
		refused := r.command("ada", "format/raise", body)
		require.Equal(t, http.StatusConflict, refused.status, refused.body)
		require.Equal(t, code, refused.at("error.code"))
	}
}

func TestARaiseUnderTheIDOfAnotherCommandIsAConflict(t *testing.T) {
	r := start(t, staffed)
	require.Equal(t, http.StatusOK, r.command("ada", "capital", `{"type":"deposit","amount":1,"id":"c1"}`).status)
	a := r.command("ada", "format/raise", `{"to":2,"id":"c1"}`)
	require.Equal(t, http.StatusConflict, a.status, a.body)
	require.Equal(t, "id_conflict", a.at("error.code"))
	require.Equal(t, "1", r.get("/api/v1/format", as("vic")...).at("format"))
}
