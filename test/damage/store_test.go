package damage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/signature"
)

// Store is a place where a log is kept, as the campaign sees it.
type Store struct {
	Name string
	// OtherCode is the code under which pm reports an error that has none of its own; "" where there must be no such error.
	OtherCode string
	// Image is the stored bytes of a log with these records, which need not be sound.
	Image func(t testing.TB, recs []eventstore.Record) []byte
	// Reader makes a reader of images, for one goroutine. remembered is what is known of the log beside its bytes.
	Reader func(t testing.TB, remembered Memory) Reader
}

// Memory is what is kept outside a log: its head, and a signature over it.
type Memory struct {
	Head      eventstore.Head
	Signature []byte
}

// Reader reads an image as a user of the store would, with every check. mended says that the store put damage right by itself.
type Reader func(ctx context.Context, image []byte) (recs []eventstore.Record, mended bool, err error)

// errRemembered marks what only the memory beside the log could find.
var errRemembered = errors.New("the log is sound by itself")

func export() Store {
	return Store{
		Name: "export file",
		Image: func(_ testing.TB, recs []eventstore.Record) []byte {
			text := fmt.Appendf(nil, `{"format":"pm-log/1","portfolio":"%s"}`+"\n", logtest.Portfolio)
			for _, r := range recs {
				text = fmt.Appendf(text, `{"meta":%s,"data":%s,"hash":"%s"}`+"\n", r.Meta, r.Data, r.Hash)
			}
			return text
		},
		Reader: func(_ testing.TB, remembered Memory) Reader {
			return func(_ context.Context, image []byte) ([]eventstore.Record, bool, error) {
				recs, err := readExport(image, remembered.Signature)
				return recs, false, err
			}
		},
	}
}

// readExport is what pmctl log verify FILE does.
func readExport(image, side []byte) ([]eventstore.Record, error) {
	x, err := eventstore.NewExportReader(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	recs := make([]eventstore.Record, 0, events)
	for {
		rec, _, err := x.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	signed, err := signature.Parse(side)
	if err != nil {
		return nil, err
	}
	if signed.Statement != signature.OfLog(x.Portfolio(), x.Head()).By(signed.KeyID) {
		return nil, fmt.Errorf("%w: %w: another head was signed", errRemembered, signature.ErrSignature)
	}
	return recs, nil
}
