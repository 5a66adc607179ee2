package esdbtest

import (
	"cmp"
	"net"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The errors below carry the trailers by which the client library tells them apart.

func (s *Server) notLeader(call grpc.ServerStream) error {
	host, port, _ := net.SplitHostPort(cmp.Or(s.o.Leader, s.o.Follows, s.Address()))
	call.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
	return status.Error(codes.NotFound, "Leader info available")
}

func denied(call grpc.ServerStream) error {
	call.SetTrailer(metadata.Pairs("exception", "access-denied"))
	return status.Error(codes.PermissionDenied, "Access Denied")
}

func unauthenticated() error { return status.Error(codes.Unauthenticated, "Unauthenticated") }

func expired() error { return status.Error(codes.DeadlineExceeded, "Operation timed out") }

func reset() error { return status.Error(codes.Unavailable, "the connection was reset") }

func streamDeleted(call grpc.ServerStream, stream string) error {
	call.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", stream))
	return status.Errorf(codes.FailedPrecondition, "Event stream '%s' is deleted.", stream)
}

func tooLarge(call grpc.ServerStream, most int) error {
	call.SetTrailer(metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(most)))
	return status.Errorf(codes.InvalidArgument, "Maximum Append Size of %d Exceeded.", most)
}

func broken(err error) error { return status.Error(codes.Internal, err.Error()) }
