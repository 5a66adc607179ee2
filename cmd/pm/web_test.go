package main

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/config"
)

func TestAnAddressThatStrangersReachWithoutAProxyIsWarnedOf(t *testing.T) {
	secrets := []config.Secret{config.NewSecret("a secret of the test")}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for listen, c := range map[string]struct {
		cfg  config.Config
		want int
	}{
		"0.0.0.0:8080":      {config.Config{Secrets: secrets}, 1},
		"[::]:8080":         {config.Config{Secrets: secrets}, 1},
		"192.168.1.7:8080":  {config.Config{Secrets: secrets}, 1},
		"127.0.0.1:8080":    {config.Config{Secrets: secrets}, 0},
		"[::1]:8080":        {config.Config{Secrets: secrets}, 0},
		"192.168.1.8:8080":  {config.Config{Secrets: secrets, Proxies: proxies}, 0},
		"192.168.1.9:18080": {config.Config{}, 0},
	} {
		said := &console{}
		s := &service{cfg: &c.cfg, log: slog.New(slog.NewTextHandler(said, nil))}
		s.warnOfSharedTries(listen)
		require.Equal(t, c.want, strings.Count(said.String(), "level=WARN"), listen)
		require.NotContains(t, said.String(), "a secret of the test")
	}
}
