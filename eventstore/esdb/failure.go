package esdb

import (
	"context"
	"errors"
	"regexp"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrUnavailable says that the event store could not be reached or did not answer in time.
	ErrUnavailable = errors.New("the event store cannot be reached")
	// ErrRefused says that the event store does not let this user do it, or does not know it.
	ErrRefused = errors.New("the event store refuses")
	// ErrAppendSize says that an append is larger than the event store was told to take. *eventstore.TooLarge goes with it.
	ErrAppendSize = errors.New("the event store's MaxAppendSize")
)

// kind is what a failure means to us.
type kind int

const (
	fine     kind = iota
	away          // nobody knows what the server did, and asking again may help
	conflict      // the stream does not end where we expected
	absent        // there is no such stream
	deleted       // a tombstone stands there
	refused       // the server will not, and will not the next time
	large         // more than the server takes in one append
)

// kindOf looks through wrapping, which the library's own FromError does not.
func kindOf(err error) kind {
	if err == nil {
		return fine
	}
	var own *client.Error
	if !errors.As(err, &own) {
		return kindOfStatus(err)
	}
	switch own.Code() {
	case client.ErrorCodeWrongExpectedVersion:
		return conflict
	case client.ErrorCodeResourceNotFound:
		return absent
	case client.ErrorCodeStreamDeleted:
		return deleted
	case client.ErrorCodeAccessDenied, client.ErrorCodeUnauthenticated, client.ErrorCodeUnsupportedFeature:
		return refused
	case client.ErrorCodeUnknown:
		return kindOfStatus(own.Err())
	default:
		return away
	}
}

// maximumAppend is how the server says that an append is too large.
const maximumAppend = "Maximum Append Size"

// kindOfStatus is for the errors that the library passes on as gRPC gave them.
func kindOfStatus(err error) kind {
	s, ok := status.FromError(err)
	if !ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return away
	}
	switch s.Code() {
	case codes.InvalidArgument:
		if strings.Contains(s.Message(), maximumAppend) {
			return large
		}
		return refused
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return refused
	default:
		return away
	}
}

// unworded is what the library says instead of an error that it has no words for.
var unworded = regexp.MustCompile(`\[ErrorCode \d+\] \(sorry, this error code is not supported by the Error\(\) method\)`)

// worded is a failure whose text a person can use.
type worded struct {
	error
	text string
}

// Error is the text.
func (w *worded) Error() string { return w.text }

// Unwrap is the failure itself.
func (w *worded) Unwrap() error { return w.error }

// inWords gives words to what the library has none for.
func inWords(err error) error {
	if err == nil || !unworded.MatchString(err.Error()) {
		return err
	}
	return &worded{err, unworded.ReplaceAllString(err.Error(), "the call broke off")}
}
