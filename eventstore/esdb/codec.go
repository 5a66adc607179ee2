package esdb

import (
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// created is the system metadata in which a server writes its own time. The library ends the whole process (log.Fatalf) when it is not a
// number, and a store must not be able to do that. Nobody here looks at the value.
const created = "created"

// gRPC has no place to see a message between the wire and the library but the codec, which is chosen by name for the whole process: this
// one is the standard codec, with one look at what a read gives back.
func init() { encoding.RegisterCodecV2(harmless{encoding.GetCodecV2(proto.Name)}) }

// harmless is the standard codec without what the library would die of.
type harmless struct{ encoding.CodecV2 }

// Unmarshal decodes, and mends the times of events.
func (c harmless) Unmarshal(data mem.BufferSlice, v any) error {
	if err := c.CodecV2.Unmarshal(data, v); err != nil {
		return err
	}
	if r, ok := v.(*streams.ReadResp); ok {
		mend(r.GetEvent().GetEvent())
		mend(r.GetEvent().GetLink())
	}
	return nil
}

func mend(e *streams.ReadResp_ReadEvent_RecordedEvent) {
	if e == nil {
		return
	}
	if _, err := strconv.ParseInt(e.Metadata[created], 10, 64); err == nil {
		return
	}
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	e.Metadata[created] = "0"
}
