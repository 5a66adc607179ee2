//go:build linux

package runbook

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var alarmDrills = []drill{
	{"exit_retries", []string{"look"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		d.env["PM_BROKER_URL"] = "paper:?reject_every=1"
		d.start()
		d.leave("BANK_NIFTY")
		d.alarm("exit_retries")
		require.Contains(t, d.follow(), "attempt 3")
		d.stop()
		delete(d.env, "PM_BROKER_URL") // the broker takes orders again
		d.start()
		d.quiet()
		require.True(t, d.silent("exit_retries"))
		d.healthy()
	}},
	{"exit_held_back", []string{"look", "exit"}, func(t *testing.T, d *run) {
		d.traded()
		d.do(`pmctl halt --server "$SERVER" --reason "odd prices"`)
		d.leave("BANK_NIFTY")
		d.alarm("exit_held_back")
		require.Contains(t, d.follow(), "exit_held_back")
		d.vars["POSITION"] = bank
		d.follow()
		d.until("the position is still held", func() bool { return len(d.held()) == 0 })
		require.Equal(t, "HALTED", d.portfolio().State)
		d.also("HALTED", "mend")
		require.True(t, d.silent("exit_held_back"))
		d.healthy()
	}},
	{"unclear_exit", []string{"look"}, func(t *testing.T, d *run) {
		d.traded()
		status, answer := d.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"Long_9","timestamp":"NOW","price":52000}`)
		require.Equal(t, http.StatusOK, status, answer)
		require.Contains(t, answer, "unclear_exit")
		d.alarm("unclear_exit")
		require.Contains(t, d.follow(), "unclear_exit")
		d.healthy(bank)
	}},
	{"unknown_order", []string{"look"}, func(t *testing.T, d *run) {
		d.env["PM_BROKER_URL"] = "paper:?lose_answer_every=1"
		d.start()
		status, answer := d.post(`{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"NOW","price":52000,"stop":51650,"atr":350,"er":1,"supertrend":51650}`)
		require.Equal(t, http.StatusOK, status, answer)
		d.follow()
		d.quiet()
		require.Contains(t, d.do(`pmctl replay --data "$DATA"`), "unknown_order")
		require.True(t, d.silent("unknown_order"), "the book has answered")
		d.stop()
		delete(d.env, "PM_BROKER_URL")
		d.start()
		d.healthy(bank)
	}},
	{"foreign_order", []string{"look"}, func(_ *testing.T, d *run) {
		d.traded()
		d.stop()
		d.bought("BANKNIFTY-FUT", 30)
		d.start()
		d.alarm("foreign_order")
		d.reducing("broker_difference")
		d.follow()
		d.vars["DIFFERENCE"] = d.portfolio().Differences[0].ID
		d.also("broker_difference", "accept")
		d.healthy(bank)
	}},
	{"bar_ahead", []string{"look"}, func(t *testing.T, d *run) {
		d.traded()
		bar := `{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"AHEAD","price":52010,"atr":350,"supertrend":51650}`
		status, answer := d.post(strings.Replace(bar, "AHEAD", time.Now().UTC().Add(time.Hour).Format(time.RFC3339), 1))
		require.Equal(t, http.StatusOK, status, answer)
		d.alarm("bar_ahead")
		require.Contains(t, d.follow(), "BANK_NIFTY")
		d.healthy(bank)
	}},
	{"id_conflict", []string{"look"}, func(t *testing.T, d *run) {
		d.traded()
		bar := `{"id":"one","type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"NOW","price":PRICE,"atr":350,"supertrend":51650}`
		status, answer := d.post(strings.Replace(bar, "PRICE", "52010", 1))
		require.Equal(t, http.StatusOK, status, answer)
		status, answer = d.post(strings.Replace(bar, "PRICE", "52020", 1))
		require.Equal(t, http.StatusConflict, status, answer)
		d.vars["SIGNAL"] = d.alarm("id_conflict")
		require.Regexp(t, "(?m)^ALARM id_conflict one .*", d.follow())
		d.healthy(bank)
	}},
}
