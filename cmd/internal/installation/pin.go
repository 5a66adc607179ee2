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

// WritePin keeps a head that is durable in the log, signed, in place of the earlier one. An empty log has no head to pin: what would be
// written is a revision 0 that no log can have.
func WritePin(key *signature.Key, data string, p domain.PortfolioID, head eventstore.Head) error {
	if head.Next == 0 {
		return errors.New("pin the head of the log: an empty log has none")
	}
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
	hash, err := eventstore.ParseHash(pin.HeadHash)
	if err != nil {
		return fmt.Errorf("the hash of the pin: %w", err)
	}
	return eventstore.Holds(ctx, log, eventstore.Head{Next: pin.HeadRevision + 1, Hash: hash})
}
