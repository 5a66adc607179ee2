package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore/esdb"
)

const (
	// MaxSecrets is how many secrets of the webhook may live at once: the old and the new one.
	MaxSecrets = 2
	// minSecret is the length in bytes below which a secret is warned of.
	minSecret = 16
	// maxNetworks bounds the lists of networks.
	maxNetworks = 64
)

var portfolioID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// service reads what the process needs and decisions do not.
func (r *reader) service() {
	if r.c.Data = r.text("data"); r.c.Data == "" {
		r.fail("data", "is empty; name a folder, like ./data")
	}
	r.portfolio()
	r.eventStore()
	r.snapshot()
	r.later("nats.url", "none")
	r.broker()
	r.switchedOff("ha.enabled")
	r.logging()
	r.secrets()
	r.tokens()
	r.listen()
	r.c.Proxies = r.networks("http.trusted_proxies")
	r.c.Allow = r.networks("http.allow")
}

func (r *reader) portfolio() {
	id := r.text("portfolio.id")
	if !portfolioID.MatchString(id) {
		r.fail("portfolio.id", "%q is not 1 to 64 small letters, digits, - and _, like main", id)
	}
	capital, ok := number(r.text("portfolio.initial_capital"))
	most := domain.Int(int64(1_000_000_000_000))
	if !ok || !capital.IsPos() || capital.Cmp(most) >= 0 || capital.Prec() > domain.PriceDecimals {
		r.fail("portfolio.initial_capital", "%q is not an amount of rupees above 0, with at most %d digits before and %d after the point, like 5000000",
			r.text("portfolio.initial_capital"), domain.PriceDigits, domain.PriceDecimals)
	}
	currency := r.text("portfolio.currency")
	if currency != "INR" {
		r.fail("portfolio.currency", "%q is not known: this release keeps its books in INR", currency)
	}
	r.c.Portfolio = Portfolio{ID: domain.PortfolioID(id), Currency: currency, InitialCapital: capital}
}

func (r *reader) eventStore() {
	key, address := "eventstore.url", r.text("eventstore.url")
	dir, embedded := strings.CutPrefix(address, "sqlite://")
	switch {
	case address == "":
		r.c.EventStore.Dir = filepath.Join(r.c.Data, "log")
		r.c.shown[key] = cell{"sqlite://" + r.c.EventStore.Dir, r.merged.origin[key]}
	case address == "memory:":
		r.c.EventStore.Memory = true
	case embedded && dir != "":
		r.c.EventStore.Dir = dir
	case strings.HasPrefix(address, "esdb://"), strings.HasPrefix(address, "esdb+discover://"):
		r.c.EventStore = EventStore{Dir: installation.CopyFolder(r.c.Data), URL: NewSecret(address), Server: true}
		r.c.shown[key] = cell{esdb.Redacted(address), r.merged.origin[key]}
		if err := esdb.Check(address); err != nil {
			r.fail(key, "%v", err)
		}
	default:
		r.fail(key, "%q is not sqlite://DIR, esdb://USER:PASSWORD@HOST:PORT or memory:", scheme(address))
	}
}

// snapshot reads where the snapshot lives. A log in memory has none: a snapshot on the disk would outlive it and halt the next start.
func (r *reader) snapshot() {
	key, address := "snapshot.url", r.text("snapshot.url")
	show := func(value string) { r.c.shown[key] = cell{value, r.merged.origin[key]} }
	dir, embedded := strings.CutPrefix(address, "sqlite://")
	server := strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
	switch {
	case address == "none":
	case r.c.EventStore.Memory && address == "":
		show("none")
	case r.c.EventStore.Memory:
		r.fail(key, "the log is in memory and ends with the process: a snapshot would halt the next start; write none")
	case address == "":
		r.c.Snapshot.Dir = filepath.Join(r.c.Data, "snapshot")
		show("sqlite://" + r.c.Snapshot.Dir)
	case embedded && dir != "":
		r.c.Snapshot.Dir = dir
	case server:
		u, err := url.Parse(address)
		if err != nil || u.Host == "" && u.Query().Get("host") == "" {
			show(redacted)
			r.fail(key, "is not postgres://USER:PASSWORD@HOST:PORT/DATABASE") // the value may hold a password
			return
		}
		r.c.Snapshot = Snapshot{Postgres: NewSecret(address), Server: true}
		show(withoutPassword(u))
	default:
		r.fail(key, "%q is not sqlite://DIR, postgres://USER:PASSWORD@HOST:PORT/DATABASE or none", scheme(address))
	}
}

// withoutPassword shows a URL that may be seen by anybody.
func withoutPassword(u *url.URL) string {
	shown := *u
	if _, has := u.User.Password(); has {
		shown.User = url.User(u.User.Username())
	}
	q := shown.Query()
	for _, name := range []string{"password", "sslpassword", "passfile"} {
		q.Del(name)
	}
	shown.RawQuery = q.Encode()
	return shown.String()
}

// scheme is the part of an address that holds no secret.
func scheme(address string) string {
	name, _, has := strings.Cut(address, ":")
	if !has {
		return address
	}
	return name + ":"
}

// later refuses what this release does not have yet.
func (r *reader) later(key, only string) {
	if url := r.text(key); url != only {
		r.fail(key, "%q comes with a later release; write %s", strings.TrimSuffix(scheme(url), ":"), only)
	}
}

func (r *reader) switchedOff(key string) {
	switch on, err := strconv.ParseBool(r.text(key)); {
	case err != nil:
		r.fail(key, "%q is not true or false", r.text(key))
	case on:
		r.fail(key, "the embedded log cannot be shared: cluster mode needs a log that can, which comes with a later release; write false")
	}
}

func (r *reader) logging() {
	level := r.text("log.level")
	if err := r.c.LogLevel.UnmarshalText([]byte(level)); err != nil || strings.ContainsAny(level, "+-") {
		r.c.LogLevel = slog.LevelInfo
		r.fail("log.level", "%q is not debug, info, warn or error", level)
	}
	format := r.text("log.format")
	if r.c.LogJSON = format == "json"; !r.c.LogJSON && format != "text" {
		r.fail("log.format", "%q is not text or json", format)
	}
}

// secrets never names a value, only its place in the list.
func (r *reader) secrets() {
	key := "webhook.secrets"
	items := r.list(key)
	if len(items) > MaxSecrets {
		r.fail(key, "holds %d secrets; at most %d may live at once", len(items), MaxSecrets)
	}
	seen := map[string]bool{}
	for i, text := range items {
		switch {
		case strings.TrimSpace(text) == "":
			r.fail(key, "secret %d is empty", i+1)
		case seen[text]:
			r.fail(key, "secret %d is the same as one before", i+1)
		case len(text) < minSecret:
			r.warn(key, "secret %d is shorter than %d bytes and can be guessed", i+1, minSecret)
		}
		seen[text] = true
		r.c.Secrets = append(r.c.Secrets, NewSecret(text))
	}
}

func (r *reader) listen() {
	key, address := "listen", r.text("listen")
	r.c.Listen = address
	host, port, err := net.SplitHostPort(address)
	if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 0 || n > 65535 {
		r.fail(key, "%q is not HOST:PORT, like 127.0.0.1:8080", address)
		return
	}
	ip, ipErr := netip.ParseAddr(host)
	loopback := host == "localhost" || ipErr == nil && ip.IsLoopback()
	if !loopback && len(r.c.Secrets) == 0 {
		r.fail(key, "%q can be reached from outside and webhook.secrets is empty: anybody could trade; set a secret, or listen on 127.0.0.1:%s", address, port)
	}
}

func (r *reader) networks(key string) []netip.Prefix {
	var networks []netip.Prefix
	items := r.list(key)
	if len(items) > maxNetworks {
		r.fail(key, "holds %d networks; at most %d", len(items), maxNetworks)
	}
	for _, item := range items {
		network, err := netip.ParsePrefix(item)
		if ip, ipErr := netip.ParseAddr(item); ipErr == nil {
			network, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			r.fail(key, "%q is not an address or a network, like 10.0.0.0/8", item)
			continue
		}
		networks = append(networks, network.Masked())
	}
	return networks
}
