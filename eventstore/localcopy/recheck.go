package localcopy

import (
	"context"
	"errors"
	"fmt"

	"pm/eventstore"
)

// ErrCopyChanged says that a reading has handed out records that the remote log does not have, from a copy that was forged record by
// record; what was made of them is void. The copy is discarded, and the next reading is sound.
var ErrCopyChanged = errors.New("the local copy had been changed")

// Recheck is what an error of a reader comes to once the record that it blames was held against the remote log: ErrCopyChanged, and the copy is
// discarded, if the copy has another one there. A chain that was forged from its beginning on is sound by itself, and its first reader may
// find fault with it before the reading comes to where it meets the true one. Any other error stays what it is. Read and
// eventstore.Replay ask by themselves.
func (l *Log) Recheck(ctx context.Context, found error) error {
	rev, blamed := recordAtFault(found)
	c := l.current()
	if !blamed || c == nil {
		return found
	}
	mine, err := at(ctx, c, rev)
	if err != nil || mine == nil {
		return found // it did not come from there
	}
	there, err := at(ctx, l.remote, rev)
	var corrupt *eventstore.Corrupt
	switch {
	case errors.As(err, &corrupt):
		return found
	case err != nil: // nobody is blamed for what could not be compared
		return fmt.Errorf("hold revision %d of the local copy, with which a reader found fault (%v), against the remote log: %w", rev, found, err) //nolint:errorlint // as said
	case there == nil || there.Hash == mine.Hash:
		return found
	}
	l.discard(c, fmt.Sprintf("revision %d has the hash %s, in the remote log %s; a reader found: %v", rev, mine.Hash, there.Hash, found))
	return fmt.Errorf("%w: revision %d is another one in the remote log: read again from the beginning", ErrCopyChanged, rev)
}

// recordAtFault is the record that an error blames. That the remote log lost its end is found by the copy, not in it.
func recordAtFault(err error) (rev uint64, blamed bool) {
	var lost *LostEnd
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	switch {
	case errors.As(err, &lost):
	case errors.As(err, &corrupt):
		return corrupt.Rev, true
	case errors.As(err, &unknown):
		return unknown.Rev, true
	}
	return 0, false
}
