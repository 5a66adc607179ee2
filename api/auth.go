package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// unauthorized is the one answer to every request that may not be made: nobody learns which part was wrong.
func unauthorized() *failure {
	return &failure{
		status: http.StatusUnauthorized, code: codeUnauthorized,
		message: `not allowed from here, or without a valid secret: send it as the body's member "secret" or as "Authorization: Bearer ..."`,
	}
}

// known compares with every secret, in constant time, by digest: neither its length nor its beginning shows in the time taken.
// Nothing is no secret, even if somebody has configured it.
func (s *Server) known(secret string) bool {
	if secret == "" {
		return false
	}
	sum, found := sha256.Sum256([]byte(secret)), 0
	for i := range s.digests {
		found |= subtle.ConstantTimeCompare(sum[:], s.digests[i][:])
	}
	return found == 1
}

// bearer is the secret of an Authorization header, "" if there is none.
func bearer(r *http.Request) string {
	kind, secret, _ := strings.Cut(r.Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// local refuses what a page in a browser sends behind its user's back: a request from another site, and, where neither
// secret nor token protects the service, one under a host name that somebody else has pointed at this machine.
func (s *Server) local(r *http.Request) bool {
	if s.origin.Check(r) != nil {
		return false
	}
	return len(s.digests) > 0 || len(s.o.Tokens) > 0 || loopbackName(r.Host) || s.fromProxy(r)
}

func loopbackName(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name = host[:i]
	}
	name = strings.Trim(name, "[]")
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

// peer is who sent a request: the other end of the connection, or, behind trusted proxies, the last address of
// X-Forwarded-For that is none of theirs. A header that cannot be read changes nothing.
func (s *Server) peer(r *http.Request) netip.Addr {
	peer := remote(r)
	if !within(s.o.TrustedProxies, peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return peer
		}
		if peer = addr.Unmap().WithZone(""); !within(s.o.TrustedProxies, peer) {
			return peer
		}
	}
	return peer
}

func (s *Server) fromProxy(r *http.Request) bool { return within(s.o.TrustedProxies, remote(r)) }

func remote(r *http.Request) netip.Addr {
	end, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return end.Addr().Unmap().WithZone("")
}

func within(nets []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// tooMany answers a peer that has failed too often. A valid secret in the header passes all the same: it costs no parsing.
func (s *Server) tooMany(peer netip.Addr) *failure {
	return later(codeRateLimited, "too many requests without a valid secret from this address: send again later", s.peers.wait(peer))
}

// refuse counts a refusal against its peer and says how to authenticate.
func (s *Server) refuse(c echo.Context, peer netip.Addr, challenge string) *failure {
	s.peers.spend(peer)
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, challenge)
	s.log.Warn("a request was refused", "request_id", requestID(c), "peer", peer.String(), "path", c.Request().URL.Path)
	return unauthorized()
}
