package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Role is what the holder of a token may do. Each role may do everything that the ones before it may.
type Role int

// The roles. The zero value may do nothing.
const (
	Nobody   Role = iota
	Viewer        // reads
	Operator      // halts, reduces, resumes, exits, accepts differences
	Admin         // moves capital, changes limits, raises the log's format
)

var roleNames = []string{"nobody", "viewer", "operator", "admin"}

// String is the role's name in the configuration.
func (r Role) String() string {
	if r < Nobody || r > Admin {
		return fmt.Sprintf("role %d", int(r))
	}
	return roleNames[r]
}

// ParseRole reads viewer, operator or admin.
func ParseRole(name string) (Role, error) {
	for r := Viewer; r <= Admin; r++ {
		if r.String() == name {
			return r, nil
		}
	}
	return Nobody, errors.New("a role is viewer, operator or admin")
}

// Token is one key to the API. Only its digest is kept: whoever reads this process's memory or files learns no token.
type Token struct {
	Name   string // the actor: it stands in every event of its commands
	Role   Role
	Digest [sha256.Size]byte // SHA-256 of the token
}

// Actor is who asks, and what they may do.
type Actor struct {
	Name string
	Role Role
}

// The actors that are no token.
const (
	// LocalActor asks on the machine itself, where neither secrets nor tokens are configured.
	LocalActor = "local"
	// secretActor reads with a secret of the webhook, where no tokens are configured. It may command nothing.
	secretActor = "webhook-secret"
)

// holder finds whose token a text is. Every digest is compared in constant time, so that neither a token's beginning nor its
// place in the list shows in the time taken.
func (s *Server) holder(token string) Actor {
	found := Actor{}
	if token == "" {
		return found
	}
	sum := sha256.Sum256([]byte(token))
	for _, t := range s.o.Tokens {
		if subtle.ConstantTimeCompare(sum[:], t.Digest[:]) == 1 {
			found = Actor{t.Name, t.Role}
		}
	}
	return found
}

// actor says who sends a request. With tokens configured only they count. Without, whoever names a secret of the webhook may
// read; and with neither, whoever asks on this machine may do everything but only directly: a request that a proxy passed
// on comes from somewhere else.
func (s *Server) actor(r *http.Request) Actor {
	key := bearer(r)
	if _, password, ok := r.BasicAuth(); ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		// A browser repeats a password by itself, for whichever page asks; therefore it opens reads only.
		key = password
	}
	switch {
	case len(s.o.Tokens) > 0:
		return s.holder(key)
	case len(s.digests) > 0:
		if s.known(key) {
			return Actor{secretActor, Viewer}
		}
	case remote(r).IsLoopback() && r.Header.Get(echo.HeaderXForwardedFor) == "" && r.Header.Get("Forwarded") == "":
		return Actor{LocalActor, Admin}
	default:
		return Actor{LocalActor, Viewer} // the configuration lets nobody but loopback listen here
	}
	return Actor{}
}

const actorKey = "actor"

// actorOf is who sends the request that a guarded handler serves.
func actorOf(c echo.Context) Actor {
	a, _ := c.Get(actorKey).(Actor)
	return a
}

// needs guards a route: the request must come with a token of at least this role. None and a wrong one get the same 401; one that
// may do less gets a 403, since its holder is known and should ask for another.
func (s *Server) needs(role Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			who := Actor{}
			if s.local(r) {
				who = s.actor(r)
			}
			switch {
			case who.Role >= role:
				c.Set(actorKey, who)
				return next(c)
			case who.Role > Nobody:
				s.log.Warn("a command was not allowed", "request_id", requestID(c), "actor", who.Name, "path", r.URL.Path)
				return forbidden(who, role)
			}
			peer := s.peer(r)
			if s.peers.wait(peer) > 0 {
				return s.tooMany(peer)
			}
			return s.refuse(c, peer, challenge(r))
		}
	}
}

// challenge asks a browser for a password where one would be taken.
func challenge(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/api/") && r.Method == http.MethodPost {
		return "Bearer"
	}
	return `Basic realm="pm", charset="UTF-8"`
}

func forbidden(who Actor, role Role) *failure {
	message := fmt.Sprintf("this needs a token with the role %s; %s is %s", role, who.Name, who.Role)
	if who.Name == secretActor {
		message = "a secret of the webhook lets read and send signals; commands need a token: configure api.tokens"
	}
	return &failure{status: http.StatusForbidden, code: codeForbidden, message: message}
}
