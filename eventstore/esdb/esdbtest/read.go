package esdbtest

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// softDeleted is the $tb of a stream that was deleted softly.
const softDeleted uint64 = math.MaxInt64

// retention is what a stream's metadata says about how long its events stay.
type retention struct {
	MaxCount uint64 `json:"$maxCount"`
	MaxAge   int64  `json:"$maxAge"` // seconds
	Before   uint64 `json:"$tb"`
}

// reading is one Read call under way.
type reading struct {
	s      *Server
	call   streams.Streams_ReadServer
	stream string
	fault  Fault
	keep   retention
	sent   int
}

// Read serves reads in both directions and subscriptions.
func (s *Server) Read(req *streams.ReadReq, call streams.Streams_ReadServer) error {
	s.reads.Add(1)
	if err := s.admit(call); err != nil {
		return err
	}
	o := req.GetOptions()
	r := &reading{s: s, call: call, stream: string(o.GetStream().GetStreamIdentifier().GetStreamName())}
	if r.stream == "" {
		return broken(errors.New("this server reads streams, not $all"))
	}
	if err := r.begin(); err != nil {
		return err
	}
	if o.GetSubscription() != nil {
		return r.subscribe(o.GetStream())
	}
	now, err := r.length()
	if err != nil {
		return broken(err)
	}
	if now == 0 || r.keep.Before == softDeleted {
		return call.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
		}}})
	}
	if o.GetReadDirection() == streams.ReadReq_Options_Backwards {
		return r.backward(o.GetStream(), now, o.GetCount())
	}
	from := uint64(0)
	if at, ok := o.GetStream().GetRevisionOption().(*streams.ReadReq_Options_StreamOptions_Revision); ok {
		from = at.Revision
	}
	_, err = r.forward(from, o.GetCount())
	return err
}

// begin draws the fault and looks at the stream's metadata. Metadata streams themselves are always served well.
func (r *reading) begin() error {
	var dead bool
	err := r.s.store.read(func(conn *sqlite.Conn) (err error) { dead, err = tombstoned(conn, r.stream); return err })
	if err != nil {
		return broken(err)
	}
	if dead {
		return streamDeleted(r.call, r.stream)
	}
	if len(r.stream) > 2 && r.stream[:2] == "$$" {
		return nil
	}
	switch r.fault = r.s.faults.nextRead(); r.fault {
	case NotLeader:
		return r.s.notLeader(r.call)
	case Denied:
		return denied(r.call)
	case Expired:
		return expired()
	case ResetBefore:
		return reset()
	case Drop:
		r.s.Cut()
		return reset()
	case Stall:
		<-r.call.Context().Done()
		return expired()
	default: // the others strike at an event
	}
	meta, err := r.s.store.backward("$$"+r.stream, softDeleted, 1)
	if err == nil && len(meta) > 0 {
		err = json.Unmarshal(meta[0].Data, &r.keep)
	}
	if err != nil {
		return broken(err)
	}
	return nil
}

func (r *reading) length() (n uint64, err error) {
	err = r.s.store.read(func(conn *sqlite.Conn) (err error) { n, err = next(conn, r.stream); return err })
	return n, err
}

// first is the oldest revision that the stream's metadata lets through.
func (r *reading) first(now uint64) uint64 {
	first := r.keep.Before
	if r.keep.MaxCount > 0 && now > r.keep.MaxCount {
		first = max(first, now-r.keep.MaxCount)
	}
	return first
}

func (r *reading) aged(e *Event) bool {
	if r.keep.MaxAge == 0 {
		return false
	}
	var ticks int64
	for _, c := range e.Created {
		ticks = ticks*10 + int64(c-'0')
	}
	return time.Since(time.Unix(0, ticks*100)) > time.Duration(r.keep.MaxAge)*time.Second
}

// forward sends up to count events from a revision on and says where it stopped.
func (r *reading) forward(from, count uint64) (uint64, error) {
	now, err := r.length()
	if err != nil {
		return from, broken(err)
	}
	from = max(from, r.first(now))
	for count > 0 && from < now {
		page, err := r.s.store.forward(r.stream, from, int(min(count, pageSize)))
		if err != nil {
			return from, broken(err)
		}
		if len(page) == 0 {
			return from, nil
		}
		for i := range page {
			if err := r.send(&page[i]); err != nil {
				return from, err
			}
			from = page[i].Rev + 1
		}
		count -= uint64(len(page))
	}
	return from, nil
}

func (r *reading) backward(at *streams.ReadReq_Options_StreamOptions, now, count uint64) error {
	from := now - 1
	if rev, ok := at.GetRevisionOption().(*streams.ReadReq_Options_StreamOptions_Revision); ok {
		from = rev.Revision
	}
	page, err := r.s.store.backward(r.stream, from, int(min(count, pageSize)))
	if err != nil {
		return broken(err)
	}
	for i := range page {
		if page[i].Rev < r.first(now) {
			return nil
		}
		if err := r.send(&page[i]); err != nil {
			return err
		}
	}
	return nil
}

// subscribe confirms, sends what stands behind the given revision, and goes on with what comes.
func (r *reading) subscribe(at *streams.ReadReq_Options_StreamOptions) error {
	from := uint64(0)
	switch o := at.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		from = o.Revision + 1
	case *streams.ReadReq_Options_StreamOptions_End:
		now, err := r.length()
		if err != nil {
			return broken(err)
		}
		from = now
	}
	confirmed := &streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}}}
	if err := r.call.Send(confirmed); err != nil {
		return err
	}
	for {
		grown := r.s.store.changed()
		var err error
		if from, err = r.forward(from, math.MaxInt64); err != nil {
			return err
		}
		select {
		case <-grown:
		case <-r.call.Context().Done():
			return nil
		case <-r.s.stopped:
			return reset()
		}
	}
}

func (r *reading) send(e *Event) error {
	if r.aged(e) {
		return nil
	}
	created := map[string]string{"type": e.Type, "content-type": e.Content, "created": e.Created}
	switch r.fault {
	case CutShort:
		if r.sent == r.s.o.CutAfter {
			return reset()
		}
	case Slow:
		r.s.wait(r.call.Context(), r.s.o.SlowBy)
	case BadCreated:
		created["created"] = "yesterday"
	case NoCreated:
		delete(created, "created")
	default: // the others have struck before the first event
	}
	r.sent++
	most, least := halves(e.ID)
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least}}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
			StreamRevision:   e.Rev, PreparePosition: e.Position, CommitPosition: e.Position, Metadata: created, CustomMetadata: e.Meta, Data: e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: e.Position},
	}}})
}

func halves(id uuid.UUID) (most, least int64) {
	for i := range 8 {
		most, least = most<<8|int64(id[i]), least<<8|int64(id[8+i])
	}
	return most, least
}

// bury ends a stream for good.
func (s *store) bury(stream string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sqlitex.Execute(s.conn, "INSERT OR IGNORE INTO tombstones (stream) VALUES (?)", &sqlitex.ExecOptions{Args: []any{stream}})
}
