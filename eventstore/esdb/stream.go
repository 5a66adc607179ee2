package esdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"pm/eventstore"
)

// The fixed pieces of the user metadata.
const (
	metaFront  = `{"pm":`
	metaMiddle = `,"hash":"`
	metaEnd    = `"}`
	hashLen    = 64 // hex digits
	metaTail   = len(metaMiddle) + hashLen + len(metaEnd)
)

// eventOf is a record as the server keeps it. Its id and type stand in the record's own metadata.
func eventOf(r *eventstore.Record) (client.EventData, error) {
	var m struct {
		ID   uuid.UUID `json:"id"`
		Type string    `json:"type"`
	}
	if err := json.Unmarshal(r.Meta, &m); err != nil {
		return client.EventData{}, &eventstore.Corrupt{Rev: r.Rev, Reason: "its metadata names no id: " + err.Error()}
	}
	meta := make([]byte, 0, len(metaFront)+len(r.Meta)+metaTail)
	meta = append(append(append(meta, metaFront...), r.Meta...), metaMiddle...)
	meta = append(append(meta, r.Hash.String()...), metaEnd...)
	return client.EventData{EventID: m.ID, EventType: m.Type, ContentType: client.ContentTypeJson, Data: r.Data, Metadata: meta}, nil
}

// recordOf cuts a record out of what the server gives back. It looks at nothing that the server adds, and checks no hash: that is
// the reader's business, as with every log.
func recordOf(e *client.RecordedEvent) (eventstore.Record, error) {
	r := eventstore.Record{Rev: e.EventNumber, Data: e.Data}
	text := e.UserMetadata
	tail := len(text) - metaTail
	if tail < len(metaFront) || string(text[:len(metaFront)]) != metaFront || string(text[tail:tail+len(metaMiddle)]) != metaMiddle || string(text[len(text)-len(metaEnd):]) != metaEnd {
		return r, &eventstore.Corrupt{Rev: r.Rev, Reason: "its user metadata is not that of a record of pm"}
	}
	hash, err := eventstore.ParseHash(string(text[tail+len(metaMiddle) : len(text)-len(metaEnd)]))
	if err != nil {
		return r, &eventstore.Corrupt{Rev: r.Rev, Reason: "its hash cannot be read: " + err.Error()}
	}
	r.Meta, r.Hash = text[len(metaFront):tail:tail], hash
	return r, nil
}

// readOptions ask the leader, forwards from a revision or backwards from the end.
func readOptions(direction client.Direction, from client.StreamPosition) client.ReadStreamOptions {
	return client.ReadStreamOptions{Direction: direction, From: from, RequiresLeader: true}
}

// Head is the end of the stream now.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) {
	empty := eventstore.Empty(l.portfolio)
	if err := l.usable(ctx); err != nil {
		return empty, err
	}
	recs, err := l.fetch(ctx, readOptions(client.Backwards, client.End{}), 1)
	if kindOf(err) == absent {
		return empty, l.failed(ctx, l.Remembers(ctx)) // a stream that was deleted softly looks like none
	}
	if err != nil {
		return empty, l.failed(ctx, err)
	}
	if len(recs) == 0 {
		return empty, &eventstore.Corrupt{Rev: 0, Reason: "the stream " + l.stream + " exists and shows no event: its events were truncated or have aged out"}
	}
	return recs[0].After(), nil
}

// fetch reads a few records at once.
func (l *Log) fetch(ctx context.Context, o client.ReadStreamOptions, count uint64) ([]eventstore.Record, error) {
	ctx, cancel := l.within(ctx)
	defer cancel()
	return ask(ctx, l.clients, func(ctx context.Context, one *client.Client) ([]eventstore.Record, error) {
		stream, err := one.ReadStream(ctx, l.stream, o, count)
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		var recs []eventstore.Record
		for {
			e, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return recs, nil
			}
			if err != nil {
				return nil, err
			}
			rec, err := recordOf(e.OriginalEvent())
			if err != nil {
				return nil, err
			}
			recs = append(recs, rec)
		}
	})
}

// Remembers refuses a stream whose metadata lets it forget. It looks at what the server would do, not at what it has done already. Open,
// Read and Follow ask by themselves. Head does not: a stream that was deleted softly and appended to again has a head and no past.
func (l *Log) Remembers(ctx context.Context) error {
	ctx, cancel := l.within(ctx)
	defer cancel()
	meta, err := ask(ctx, l.clients, func(ctx context.Context, one *client.Client) (*client.StreamMetadata, error) {
		return one.GetStreamMetadata(ctx, l.stream, readOptions(client.Backwards, client.End{}))
	})
	if kindOf(err) == absent {
		return nil
	}
	if err != nil {
		return l.failed(ctx, err)
	}
	forgets := func(text string, args ...any) error {
		return &eventstore.Corrupt{Rev: 0, Reason: "the stream " + l.stream + " forgets: " + fmt.Sprintf(text, args...)}
	}
	switch {
	case meta.TruncateBefore() != nil && *meta.TruncateBefore() > 0:
		return forgets("what stands before revision %d is truncated or deleted ($tb)", *meta.TruncateBefore())
	case meta.MaxAge() != nil:
		return forgets("events older than %s go ($maxAge)", *meta.MaxAge())
	case meta.MaxCount() != nil:
		return forgets("only the last %d events stay ($maxCount)", *meta.MaxCount())
	}
	return nil
}
