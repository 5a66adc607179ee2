package api

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func address(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n)+10<<24)
	return netip.AddrFrom4(b)
}

func TestAPeerHasABurstOfFailuresAndGetsThemBackOneByOne(t *testing.T) {
	now := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	table := newPeerTable(func() time.Time { return now })
	peer := address(1)
	for range FailureBurst {
		require.Zero(t, table.wait(peer))
		table.spend(peer)
	}
	require.Equal(t, FailureRefill, table.wait(peer))
	for range 1000 {
		table.spend(peer)
	}
	require.Equal(t, FailureRefill, table.wait(peer), "failures while it waits cost nothing more: it is not shut out for hours")
	require.Zero(t, table.wait(address(2)), "another peer is not touched")
	now = now.Add(FailureBurst * FailureRefill)
	for range FailureBurst {
		require.Zero(t, table.wait(peer))
		table.spend(peer)
	}
	require.NotZero(t, table.wait(peer))
}

func TestTheTableOfPeersIsBoundedAndMakesRoomOfWhoIsBack(t *testing.T) {
	now := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	table := newPeerTable(func() time.Time { return now })
	for i := range MaxPeers + 100 {
		table.spend(address(i))
	}
	require.Len(t, table.full, MaxPeers+1, "all others share one place")
	for range FailureBurst {
		table.spend(address(1_000_000))
	}
	require.NotZero(t, table.wait(address(2_000_000)), "strangers share their budget")
	require.Zero(t, table.wait(address(5)), "who has a place of its own keeps it")
	now = now.Add(time.Hour)
	table.spend(address(3_000_000))
	require.Len(t, table.full, 1)
}

func TestOneSenderHasAWholeNetworkOfIPv6Addresses(t *testing.T) {
	table := newPeerTable(time.Now)
	for range FailureBurst {
		table.spend(netip.MustParseAddr("2001:db8:1:2::1"))
	}
	require.NotZero(t, table.wait(netip.MustParseAddr("2001:db8:1:2:ffff::9")))
	require.Zero(t, table.wait(netip.MustParseAddr("2001:db8:1:3::1")))
}

func TestOnlyNamesOfThisMachineAreLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.8.9.1:80", "localhost", "localhost:8080", "[::1]", "[::1]:8080"} {
		require.True(t, loopbackName(host), host)
	}
	for _, host := range []string{"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "0.0.0.0", "[::]:8080", ":8080"} {
		require.False(t, loopbackName(host), host)
	}
}
