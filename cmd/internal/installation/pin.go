package installation

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"pm/cmd/internal/durable"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/signature"
)

// pinName is the head of the log as it was a moment ago, kept outside the log. A log that lost its end at a record boundary is
// sound by itself; only somebody who remembers a later head can tell.
const pinName = "head.pin"

// PinFile is where the pin of a data folder stands.
func PinFile(data string) string { return filepath.Join(data, pinName) }

// WritePin keeps a head that is durable in the log, signed, in place of the earlier one.
func WritePin(key *signature.Key, data string, p domain.PortfolioID, head eventstore.Head) error {
	text, err := key.Sign(signature.OfHead(p, head))
	if err == nil {
		err = durable.Write(PinFile(data), text)
	}
	if err != nil {
		return fmt.Errorf("pin the head of the log: %w", err)
	}
	return nil
}

// ReadPin reads the pin; fs.ErrNotExist where none was ever written, signature.ErrSignature for one that was damaged or is no pin.
func ReadPin(data string) (signature.Signed, error) {
	pin, err := ReadSideFile(PinFile(data))
	if err == nil && pin.Of != signature.OfPin {
		err = fmt.Errorf("%s: %w: it is of a %s", PinFile(data), signature.ErrSignature, pin.Of)
	}
	return pin, err
}

// CheckPin holds a log against a pin that was read before. A log that ends earlier, or has another hash there, is *eventstore.Corrupt.
func CheckPin(ctx context.Context, log eventstore.Log, pin signature.Statement) error {
	if p := log.Portfolio(); pin.Portfolio != p {
		return &eventstore.Corrupt{Reason: fmt.Sprintf("the pin is of portfolio %q, the log of %q", pin.Portfolio, p)}
	}
	head, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if head.Next <= pin.HeadRevision {
		return &eventstore.Corrupt{Rev: head.Next, Reason: fmt.Sprintf("the log ends before it; it once went up to revision %d (hash %s)", pin.HeadRevision, pin.HeadHash)}
	}
	_, err = eventstore.Replay(ctx, log, pin.HeadRevision, func(_ domain.Recorded, hash eventstore.Hash) error {
		if hash.String() != pin.HeadHash {
			return &eventstore.Corrupt{Rev: pin.HeadRevision, Reason: fmt.Sprintf("it has the hash %s, and once had %s: another log stands here", hash, pin.HeadHash)}
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}

var errSeen = errors.New("the pinned record has been seen")
