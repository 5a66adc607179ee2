package apitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
)

// sign makes the headers of Standard Webhooks for a body.
func sign(key []byte, id string, at time.Time, body string) []string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return []string{"Webhook-Id", id, "Webhook-Timestamp", stamp, "Webhook-Signature", "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

func TestASignedSignalNeedsNoSecretInItsBody(t *testing.T) {
	r := start(t, guarded)
	now := time.Now()
	body := base(`,"id":"s1"`)
	a := r.post(body, sign([]byte("new secret"), "m1", now, body)...)
	require.Equal(t, http.StatusOK, a.status, a.body)
	again := sign([]byte("wrong"), "m1", now, body)
	again[5] += " " + sign([]byte("old secret"), "m1", now, body)[5] // a key in rotation: one of several signatures is right
	require.Equal(t, "duplicate", r.post(body, again...).at("status"))
}

func TestASignatureThatIsNotOfTheseBytesNowIsNone(t *testing.T) {
	r := start(t, guarded)
	now, key := time.Now(), []byte("new secret")
	body := base(`,"id":"s2"`)
	good := sign(key, "m", now, body)
	swap := func(i int, value string) []string {
		out := append([]string(nil), good...)
		out[i] = value
		return out
	}
	edge := 2 * time.Second // the clock runs on while the test does
	for name, headers := range map[string][]string{
		"another body":      sign(key, "m", now, body+" "),
		"another key":       sign([]byte("other"), "m", now, body),
		"another id":        swap(1, "n"),
		"no id":             swap(1, ""),
		"another time":      swap(3, strconv.FormatInt(now.Unix()+1, 10)),
		"no time":           swap(3, "soon"),
		"too old":           sign(key, "m", now.Add(-api.SignatureAge-edge), body),
		"from the future":   sign(key, "m", now.Add(api.SignatureAge+edge), body),
		"another version":   swap(5, strings.Replace(good[5], "v1,", "v2,", 1)),
		"behind too many":   swap(5, strings.Repeat("v1,AAAA ", api.MaxSignatures)+good[5]),
		"nothing that fits": swap(5, ""),
	} {
		require.Equal(t, http.StatusUnauthorized, r.post(body, headers...).status, name)
	}
	require.Equal(t, http.StatusOK, r.post(body, sign(key, "m", now.Add(-api.SignatureAge+edge), body)...).status, "just young enough")
}

func TestAKeyOfTheStandardIsDecoded(t *testing.T) {
	key := []byte("0123456789abcdef01234567")
	r := start(t, func(s *setup) { s.api.Secrets = []string{"whsec_" + base64.StdEncoding.EncodeToString(key)} })
	body := base(`,"id":"s3"`)
	require.Equal(t, http.StatusOK, r.post(body, sign(key, "m", time.Now(), body)...).status)
}
