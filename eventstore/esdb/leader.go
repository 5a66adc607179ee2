package esdb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
)

// scheme stands before every address that is dialed.
const scheme = "dns:///"

// A client of the library that is told by a follower who leads dials that address itself, and never closes the connection where nobody
// answers. There is no way to forbid that but this one, for the whole process: an address without a scheme cannot be dialed at all.
// The client is closed after such an answer, and the leader is asked for here.
func init() { resolver.SetDefaultScheme("an-address-without-a-scheme") }

// isNotLeader says whether a server refused because another one leads.
func isNotLeader(err error) bool {
	var own *client.Error
	return errors.As(err, &own) && own.Code() == client.ErrorCodeNotLeader
}

// direct is the configuration of a client for the one server that it is to talk to.
func (c *clients) direct(ctx context.Context) (*client.Configuration, error) {
	conf := *c.config
	address := conf.Address
	if c.clustered() {
		var err error
		if address, err = c.leader(ctx); err != nil {
			return nil, err
		}
	}
	conf.Address, conf.DnsDiscover, conf.GossipSeeds = scheme+address, false, nil
	return &conf, nil
}

// clustered says whether the leader has to be asked for: the address says so, or a server has said that it does not lead.
func (c *clients) clustered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config.DnsDiscover || len(c.config.GossipSeeds) > 0 || c.follower
}

// leader asks the servers of the address one after another, in no order, who leads.
func (c *clients) leader(ctx context.Context) (string, error) {
	seeds := []string{c.config.Address}
	if len(c.config.GossipSeeds) > 0 {
		seeds = seeds[:0]
		for _, s := range c.config.GossipSeeds {
			seeds = append(seeds, s.String())
		}
	}
	rand.Shuffle(len(seeds), func(i, j int) { seeds[i], seeds[j] = seeds[j], seeds[i] }) //nolint:gosec // nobody gains by guessing it
	// Each has its share, so that the last one is asked, and connected to, when those before say nothing.
	share := min(time.Duration(c.config.GossipTimeout)*time.Second, c.patience.connect/time.Duration(len(seeds)+1))
	var failures error
	for _, seed := range seeds {
		address, err := c.askWhoLeads(ctx, seed, share)
		if err == nil {
			return address, nil
		}
		failures = errors.Join(failures, fmt.Errorf("ask %s who leads: %w", seed, err))
	}
	return "", failures
}

func (c *clients) askWhoLeads(ctx context.Context, seed string, limit time.Duration) (string, error) {
	secured, err := transport(c.config)
	if err != nil {
		return "", err
	}
	conn, err := grpc.NewClient(scheme+seed, grpc.WithTransportCredentials(secured))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing is lost with it
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", err
	}
	for _, m := range info.GetMembers() {
		if m.GetState() == gossip.MemberInfo_Leader && m.GetIsAlive() {
			at := m.GetHttpEndPoint()
			return net.JoinHostPort(at.GetAddress(), strconv.Itoa(int(at.GetPort()))), nil
		}
	}
	return "", errors.New("it knows no leader that is alive")
}

// transport is how the library secures its connections.
func transport(conf *client.Configuration) (credentials.TransportCredentials, error) {
	if conf.DisableTLS {
		return insecure.NewCredentials(), nil
	}
	secured := &tls.Config{InsecureSkipVerify: conf.SkipCertificateVerification, RootCAs: conf.RootCAs} //nolint:gosec // tlsVerifyCert=false is the operator's word, and warned about
	if conf.UserCertFile != "" {
		own, err := tls.LoadX509KeyPair(conf.UserCertFile, conf.UserKeyFile)
		if err != nil {
			return nil, err
		}
		secured.Certificates = []tls.Certificate{own}
	}
	return credentials.NewTLS(secured), nil
}
