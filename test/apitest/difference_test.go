package apitest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestADifferenceFromTheBrokersBookIsShownAndAcceptedOnce(t *testing.T) {
	r := start(t, staffed)
	_, err := r.engine.Submit(t.Context(), domain.ReportPositions{Net: map[string]int{"BANKNIFTY-FUT": 30}, Now: time.Now().UTC()})
	require.NoError(t, err)
	seen := r.get("/api/v1/portfolio", as("vic")...)
	require.Equal(t, "REDUCING", seen.at("trading_state"))
	require.Equal(t, "broker_difference", seen.at("trading_reason"))
	id := seen.at("differences.0.id")
	require.Equal(t, "30", seen.at("differences.0.units"))
	require.Contains(t, id, "BANKNIFTY-FUT-diff-")

	require.Equal(t, http.StatusBadRequest, r.command("olga", "differences/"+id+"/accept", `{}`).status, "a reason is asked for")
	a := r.command("olga", "differences/"+id+"/accept", `{"reason":"bought by hand","id":"d1"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	event := r.get("/api/v1/events?limit=1&from="+a.at("revision"), as("vic")...)
	require.Equal(t, "BrokerDifferenceAccepted", event.at("events.0.type"))
	require.Equal(t, "olga", event.at("events.0.data.by"))
	require.Equal(t, "[]", r.get("/api/v1/portfolio", as("vic")...).at("differences"))

	head := r.head()
	require.Equal(t, "unchanged", r.command("olga", "differences/"+id+"/accept", `{"reason":"bought by hand","id":"d1"}`).at("status"))
	require.Equal(t, head, r.head(), "a repeat records nothing")
	gone := r.command("olga", "differences/other/accept", `{"reason":"x"}`)
	require.Equal(t, http.StatusConflict, gone.status)
	require.Equal(t, "not_standing", gone.at("error.code"))
}
