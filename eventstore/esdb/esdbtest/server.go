package esdbtest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

// Options say where a server listens, how much it takes and how often it fails.
type Options struct {
	Dir       string      // of the stored streams
	Listen    string      // HOST:PORT; empty is a free port of the loopback below those of who connects
	TLS       *tls.Config // nil: without
	User      string      // "name:password" that every call must bring; empty: nobody is asked
	MaxAppend int         // bytes of one append; 0 is the real server's 1 MiB, negative is no limit

	Seed             uint64
	LostPercent      int // of the appends: stored, never answered
	LatePercent      int // stored, answered after LateBy
	StoreLatePercent int // stored after LateBy, never answered
	ResetPercent     int // stored, then broken off
	WrongPercent     int // of the appends, as the rest but the last two: answered with another expected version
	NotLeaderPercent int // refused with the endpoint of the leader
	DeniedPercent    int // refused: the user may not write
	ExpiredPercent   int // the server's own deadline has passed
	DropPercent      int // every connection of the server is cut
	CutPercent       int // of the reads: broken off after CutAfter events
	SlowPercent      int // each event takes SlowBy

	LateBy         time.Duration // 0: 700 ms, which is later than the adapter waits
	SlowBy         time.Duration // 0: 5 ms
	CutAfter       int           // 0: 100 events
	BytesPerSecond int           // of what a connection brings in; 0: no limit
	Leader         string        // HOST:PORT that NotLeader names; empty: this server
	Follows        string        // HOST:PORT of the leader of a server that is a follower: it serves no call that asks for the leader
}

const (
	defaultMaxAppend = 1 << 20
	defaultLateBy    = 700 * time.Millisecond
	defaultSlowBy    = 5 * time.Millisecond
	defaultCutAfter  = 100
	// keepAliveMinTime is how often a client may ping. The library pings every 10 s.
	keepAliveMinTime = 5 * time.Second
	// pageSize is how many events a reading fetches from the file at once.
	pageSize = 1000
	// version is what the server says it is.
	version = "23.10.0"
)

// Server is a running server.
type Server struct {
	streams.UnimplementedStreamsServer
	serverfeatures.UnimplementedServerFeaturesServer

	o        Options
	store    *store
	listener net.Listener
	grpc     *grpc.Server
	faults   *faults
	withheld withholding
	conns    *connections
	late     sync.WaitGroup // appends that are stored after their caller has gone
	stopped  chan struct{}
	once     sync.Once

	mu       sync.Mutex
	expected []string // of the appends so far
	leader   []string // the requires-leader header of the calls so far

	reads, appends atomic.Int64
}

// New starts a server. Stop ends it.
func New(o Options) (*Server, error) {
	if o.MaxAppend == 0 {
		o.MaxAppend = defaultMaxAppend
	}
	if o.CutAfter == 0 {
		o.CutAfter = defaultCutAfter
	}
	o.LateBy, o.SlowBy = orElse(o.LateBy, defaultLateBy), orElse(o.SlowBy, defaultSlowBy)
	st, err := openStore(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the streams: %w", err)
	}
	listener, err := listen(o.Listen)
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	s := &Server{o: o, store: st, listener: listener, faults: newFaults(o), conns: newConnections(), stopped: make(chan struct{})}
	options := []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepAliveMinTime, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(64 << 20), grpc.WaitForHandlers(true),
	}
	if o.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	s.grpc = grpc.NewServer(options...)
	streams.RegisterStreamsServer(s.grpc, s)
	gossip.RegisterGossipServer(s.grpc, gossipServer{s: s})
	serverfeatures.RegisterServerFeaturesServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(&tracked{listener, s.conns, line{o.BytesPerSecond}}) }() // ends with Stop
	return s, nil
}

// Address is the HOST:PORT that it listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is the connection string.
func (s *Server) URL() string {
	user := ""
	if s.o.User != "" {
		user = s.o.User + "@"
	}
	if s.o.TLS == nil {
		return "esdb://" + user + s.Address() + "?tls=false"
	}
	return "esdb://" + user + s.Address()
}

// Stop cuts every call and closes the file. A new server on the same folder goes on where this one ended.
func (s *Server) Stop() error {
	var err error
	s.once.Do(func() {
		close(s.stopped)
		s.grpc.Stop()
		s.late.Wait()
		err = s.store.close()
	})
	return err
}

// Reads and Appends are how many calls of each kind came so far.
func (s *Server) Reads() int64 { return s.reads.Load() }

// Appends is how many appends came so far, whatever became of them.
func (s *Server) Appends() int64 { return s.appends.Load() }

// Expected are the expected revisions of the appends so far: "any", "no_stream", "stream_exists" or a number.
func (s *Server) Expected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.expected...)
}

// RequiresLeader are the headers of that name of the calls so far, "" for a call without.
func (s *Server) RequiresLeader() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.leader...)
}

// Rewrite replaces the stored bytes of one event behind everybody's back.
func (s *Server) Rewrite(stream string, rev uint64, change func(*Event)) error {
	events, err := s.store.forward(stream, rev, 1)
	if err != nil {
		return err
	}
	if len(events) == 0 || events[0].Rev != rev {
		return fmt.Errorf("there is no revision %d in %s", rev, stream)
	}
	change(&events[0])
	return s.store.rewrite(stream, rev, events[0].Data, events[0].Meta)
}

// Truncate removes the events of a stream from a revision on, as a restored backup would.
func (s *Server) Truncate(stream string, from uint64) error { return s.store.cut(stream, from) }

// Remove takes one event out of the middle of a stream.
func (s *Server) Remove(stream string, rev uint64) error { return s.store.remove(stream, rev) }

// admit notes a call's header, and checks who calls and whether it is for the leader.
func (s *Server) admit(call grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(call.Context())
	s.mu.Lock()
	s.leader = append(s.leader, strings.Join(md.Get("requires-leader"), ","))
	s.mu.Unlock()
	if s.o.User != "" {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.o.User))
		if got := md.Get("authorization"); len(got) != 1 || got[0] != want {
			return unauthenticated()
		}
	}
	if leaderOnly := md.Get("requires-leader"); s.o.Follows != "" && len(leaderOnly) > 0 && leaderOnly[0] == "true" {
		return s.notLeader(call)
	}
	return nil
}

// GetSupportedMethods tells a client what it talks to; it is the first call on every connection.
func (s *Server) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: version}, nil
}

// gossipServer answers that this server is the leader of a cluster of one, or who leads it. It is a type of its own because two services have a Read.
type gossipServer struct {
	gossip.UnimplementedGossipServer
	s *Server
}

// Read gives the members of the cluster.
func (g gossipServer) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	info := &gossip.ClusterInfo{Members: []*gossip.MemberInfo{member(g.s.Address(), gossip.MemberInfo_Leader)}}
	if g.s.o.Follows != "" {
		info.Members[0].State = gossip.MemberInfo_Follower
		info.Members = append(info.Members, member(g.s.o.Follows, gossip.MemberInfo_Leader))
	}
	return info, nil
}

func member(address string, state gossip.MemberInfo_VNodeState) *gossip.MemberInfo {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(port, 10, 16)
	return &gossip.MemberInfo{State: state, IsAlive: true, HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(n)}}
}
