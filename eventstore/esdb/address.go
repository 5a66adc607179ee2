package esdb

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"pm/domain"
)

// ErrAddress says that a connection string cannot be used. The text names what is wrong and shows no password.
var ErrAddress = errors.New("the address of the event store")

// settings are what may stand behind the ? of a connection string. The library only warns about a word that it does not know, and
// a misspelt tlsCaFile must not end in a connection that nobody wanted.
var settings = []string{"tls", "tlsverifycert", "tlscafile", "usercertfile", "userkeyfile", "keepaliveinterval", "keepalivetimeout", "gossiptimeout", "discoveryinterval"}

// Redacted is a connection string without its password, for logs and errors.
func Redacted(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return "[redacted]" // no connection string: nobody knows what stands in it
	}
	// An @ behind the first ? is most likely one behind a password with a ? in it: rather too much is hidden than a part of that shown.
	user := ""
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		user, _, _ = strings.Cut(rest[:i], ":")
		user, rest = user+":[redacted]", rest[i:]
	}
	hosts, query, _ := strings.Cut(user+rest, "?")
	if query != "" {
		query = "?" + query
	}
	return scheme + "://" + hosts + query
}

// portfolioKey is a setting of our own behind the ?: for tools that are given one address and nothing else.
const portfolioKey = "portfolio="

// WithPortfolio puts a portfolio into an address.
func WithPortfolio(address string, p domain.PortfolioID) string {
	if strings.Contains(address, "?") {
		return address + "&" + portfolioKey + string(p)
	}
	return address + "?" + portfolioKey + string(p)
}

// CutPortfolio takes the portfolio out of an address, "" if it names none. What is left is for Open.
func CutPortfolio(address string) (rest string, p domain.PortfolioID) {
	rest, query, _ := strings.Cut(address, "?")
	sep := "?"
	for _, setting := range strings.Split(query, "&") {
		if id, ours := strings.CutPrefix(setting, portfolioKey); ours {
			p = domain.PortfolioID(id)
		} else if setting != "" {
			rest, sep = rest+sep+setting, "&"
		}
	}
	return rest, p
}

// Check says whether a connection string can be used, without using it. The error wraps ErrAddress and shows no password.
func Check(address string) error {
	_, err := parse(address)
	return err
}

// parse makes the library's configuration of a connection string.
func parse(address string) (*client.Configuration, error) {
	bad := func(text string, args ...any) error {
		return fmt.Errorf("%w, %s: %s", ErrAddress, Redacted(address), fmt.Sprintf(text, args...))
	}
	_, query, _ := strings.Cut(address, "?")
	if strings.Contains(query, "@") {
		return nil, bad("an @ stands behind the ?: write %%3F for a ? in a password, and %%40 for an @ in a setting")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, bad("the settings behind the ? cannot be read")
	}
	for name := range values {
		if !slices.Contains(settings, strings.ToLower(name)) {
			return nil, bad("%q is no setting; these are: %s", name, strings.Join(settings, ", "))
		}
	}
	conf, err := client.ParseConnectionString(address)
	if err != nil {
		// The library's error may quote the whole string.
		return nil, bad("it is not esdb://[user:password@]host[:port][,host:port...][?tls=...]")
	}
	switch {
	case conf.DisableTLS && conf.Username != "":
		return nil, bad("user and password would not be sent with tls=false: leave one of the two out")
	case conf.Username != "" && conf.Password == "":
		return nil, bad("a user without a password is not sent at all: write user:password@")
	}
	if err := conf.Validate(); err != nil {
		return nil, bad("%v", err)
	}
	return tamed(conf), nil
}

// How one client looks for the server. Looking again is this package's business, so that it can be bounded and stopped.
const (
	discoverAttempts = 1
	discoverPause    = 10 // milliseconds that the library sleeps after a failed look
	discoverTimeout  = 2  // seconds for one candidate's answer
	keepAliveEvery   = 10 * time.Second
	keepAliveWithin  = 5 * time.Second
)

// tamed sets what a connection string does not say, or must not.
func tamed(conf *client.Configuration) *client.Configuration {
	conf.MaxDiscoverAttempts, conf.DiscoveryInterval = discoverAttempts, discoverPause
	conf.GossipTimeout = min(conf.GossipTimeout, discoverTimeout)
	conf.KeepAliveInterval, conf.KeepAliveTimeout = keepAliveEvery, keepAliveWithin
	conf.NodePreference = client.NodePreferenceLeader
	conf.DefaultDeadline = nil
	return conf
}

// logging hands what the library has to say to a slog.Logger. The library calls routine things errors; what matters is this package's to say.
func logging(log *slog.Logger) client.LoggingFunc {
	return func(level client.LogLevel, format string, args ...any) {
		log.Debug("event store client", "level", level, "text", fmt.Sprintf(format, args...))
	}
}
