package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A sender of one's own may sign instead of sending the secret: the headers of Standard Webhooks, with HMAC-SHA256 over
// "<id>.<timestamp>.<body>" under one of the configured secrets. A secret that begins with whsec_ is taken as that standard's base64 key.
const (
	headerSignedID   = "Webhook-Id"
	headerSignedAt   = "Webhook-Timestamp"
	headerSignatures = "Webhook-Signature"
	keyPrefix        = "whsec_"
	signatureVersion = "v1,"
	// SignatureAge is how far the timestamp of a signed request may be from now, either way: a request that was overheard is of no use later.
	SignatureAge = 5 * time.Minute
	// MaxSignatures bounds the signatures that one header may name.
	MaxSignatures = 8
)

// signingKey is the key that a secret stands for.
func signingKey(secret string) []byte {
	if text, ok := strings.CutPrefix(secret, keyPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil && len(key) > 0 {
			return key
		}
	}
	return []byte(secret)
}

// signed says whether the request carries a fresh signature of exactly these bytes under one of the secrets.
func (s *Server) signed(r *http.Request, body []byte) bool {
	id, at := r.Header.Get(headerSignedID), r.Header.Get(headerSignedAt)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if id == "" || err != nil || s.now().Sub(time.Unix(seconds, 0)).Abs() > SignatureAge {
		return false
	}
	given := strings.Fields(r.Header.Get(headerSignatures))
	found := false
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, text := range given[:min(len(given), MaxSignatures)] {
			signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, signatureVersion))
			if err == nil && strings.HasPrefix(text, signatureVersion) && hmac.Equal(signature, want) {
				found = true
			}
		}
	}
	return found
}
