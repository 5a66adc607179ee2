package apitest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// raise asks for the newest format of this build, and for whatever more stands in the body.
func raise(more string) string { return formatTo(domain.Format, more) }

func formatTo(format int, more string) string { return fmt.Sprintf(`{"to":%d%s}`, format, more) }

func TestTheFormatIsRaisedByAnAdminOnceAndShown(t *testing.T) {
	r := start(t, staffed)
	before := r.get("/api/v1/format", as("vic")...)
	require.Equal(t, fmt.Sprint(domain.FirstFormat), before.at("format"))
	require.Equal(t, fmt.Sprint(domain.Format), before.at("known"))
	require.Equal(t, http.StatusForbidden, r.command("olga", "format/raise", raise("")).status, "an operator ends no older build")

	a := r.command("ada", "format/raise", raise(`,"id":"f1"`))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "done", a.at("status"))
	require.Equal(t, fmt.Sprint(domain.Format), a.at("format"))
	event := r.get("/api/v1/events?limit=1&from="+a.at("revision"), as("vic")...)
	require.Equal(t, "FormatRaised", event.at("events.0.type"))
	require.Equal(t, "ada", event.at("events.0.data.by"))
	require.Equal(t, fmt.Sprint(domain.Format), r.get("/api/v1/format", as("vic")...).at("format"))

	head := r.head()
	again := r.command("ada", "format/raise", raise(`,"id":"f1"`))
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, "unchanged", again.at("status"))
	require.Equal(t, head, r.head(), "a repeat records nothing")
	for body, code := range map[string]string{formatTo(domain.Format-1, ""): "already_raised", formatTo(domain.Format+1, ""): "unknown_format"} {
		refused := r.command("ada", "format/raise", body)
		require.Equal(t, http.StatusConflict, refused.status, refused.body)
		require.Equal(t, code, refused.at("error.code"))
	}
}

func TestARaiseUnderTheIDOfAnotherCommandIsAConflict(t *testing.T) {
	r := start(t, staffed)
	require.Equal(t, http.StatusOK, r.command("ada", "capital", `{"type":"deposit","amount":1,"id":"c1"}`).status)
	a := r.command("ada", "format/raise", raise(`,"id":"c1"`))
	require.Equal(t, http.StatusConflict, a.status, a.body)
	require.Equal(t, "id_conflict", a.at("error.code"))
	require.Equal(t, fmt.Sprint(domain.FirstFormat), r.get("/api/v1/format", as("vic")...).at("format"))
}
