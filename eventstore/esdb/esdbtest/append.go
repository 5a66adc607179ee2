package esdbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// proposal is an append as it was asked for.
type proposal struct {
	stream   string
	expected string // any, no_stream, stream_exists, or a revision
	events   []Event
	size     int // as the real server counts it
}

// Append takes one batch. Every message is drained before anything is answered: a client that is still sending would lose the answer.
func (s *Server) Append(call streams.Streams_AppendServer) error {
	s.appends.Add(1)
	p, err := drain(call)
	if err != nil {
		return err
	}
	if err := s.admit(call); err != nil {
		return err
	}
	s.mu.Lock()
	s.expected = append(s.expected, p.expected)
	s.mu.Unlock()
	if s.o.MaxAppend > 0 && p.size > s.o.MaxAppend {
		return tooLarge(call, s.o.MaxAppend)
	}
	kept, before := s.withheld.take(p)
	if kept {
		<-call.Context().Done()
		return expired()
	}
	if before != nil {
		_, _ = s.commit(nil, before) // nobody hears how it went
	}
	fault := s.faults.nextAppend()
	switch fault {
	case ResetBefore:
		return reset()
	case Drop:
		s.Cut()
		return reset()
	case WrongVersion:
		return call.SendAndClose(p.wrong(0))
	case NotLeader:
		return s.notLeader(call)
	case Denied:
		return denied(call)
	case Expired:
		return expired()
	case StoreLate:
		s.storeLate(p)
		<-call.Context().Done()
		return expired()
	default: // the others strike after the append is stored
	}
	answer, err := s.commit(call, p)
	if err != nil {
		return err
	}
	switch fault {
	case LoseAnswer:
		<-call.Context().Done()
		return expired()
	case LateAnswer:
		s.wait(call.Context(), s.o.LateBy)
	case ResetAfter:
		return reset()
	default: // the others have struck before
	}
	return call.SendAndClose(answer)
}

// storeLate stores after the caller has given up; nobody hears how it went.
func (s *Server) storeLate(p *proposal) {
	s.late.Go(func() {
		s.wait(context.Background(), s.o.LateBy)
		_, _ = s.commit(nil, p)
	})
}

// wait lasts a while, or until the call or the server ends.
func (s *Server) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.stopped:
	case <-timer.C:
	}
}

func drain(call streams.Streams_AppendServer) (*proposal, error) {
	p := &proposal{}
	for {
		req, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		if o := req.GetOptions(); o != nil {
			p.stream, p.expected = string(o.GetStreamIdentifier().GetStreamName()), expectation(o)
			continue
		}
		m := req.GetProposedMessage()
		e := Event{ID: idOf(m.GetId()), Type: m.GetMetadata()["type"], Content: m.GetMetadata()["content-type"], Data: m.GetData(), Meta: m.GetCustomMetadata()}
		p.size += len(e.Data) + len(e.Meta) + 2*len(e.Type)
		p.events = append(p.events, e)
	}
}

func expectation(o *streams.AppendReq_Options) string {
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_NoStream:
		return "no_stream"
	case *streams.AppendReq_Options_StreamExists:
		return "stream_exists"
	case *streams.AppendReq_Options_Revision:
		return strconv.FormatUint(e.Revision, 10)
	}
	return "any"
}

func idOf(id *shared.UUID) (out uuid.UUID) {
	if text := id.GetString_(); text != "" {
		parsed, _ := uuid.Parse(text)
		return parsed
	}
	most, least := uint64(id.GetStructured().GetMostSignificantBits()), uint64(id.GetStructured().GetLeastSignificantBits())
	for i := range 8 {
		out[i], out[8+i] = byte(most>>(56-8*i)), byte(least>>(56-8*i))
	}
	return out
}

// commit stores the batch if the stream is where the caller expects it. The same ids at the same place are answered as the first time.
func (s *Server) commit(call streams.Streams_AppendServer, p *proposal) (*streams.AppendResp, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	dead, err := tombstoned(s.store.conn, p.stream)
	if err != nil {
		return nil, broken(err)
	}
	if dead {
		if call == nil {
			return nil, errors.New("deleted")
		}
		return nil, streamDeleted(call, p.stream)
	}
	now, err := next(s.store.conn, p.stream)
	if err != nil {
		return nil, broken(err)
	}
	at := p.place(now)
	if at != now {
		same, err := s.already(p, at)
		if err != nil {
			return nil, broken(err)
		}
		if same {
			return success(at+uint64(len(p.events))-1, 0), nil
		}
		return p.wrong(now), nil
	}
	position, err := s.store.append(p.stream, at, p.events)
	if err != nil {
		return nil, broken(err)
	}
	return success(at+uint64(len(p.events))-1, position), nil
}

// nowhere is a place that no stream has.
const nowhere = 1 << 62

// place is the revision that the first event is to get, given where the stream is now.
func (p *proposal) place(now uint64) uint64 {
	switch p.expected {
	case "any":
		return now
	case "no_stream":
		return 0
	case "stream_exists":
		if now == 0 {
			return nowhere
		}
		return now
	}
	n, _ := strconv.ParseUint(p.expected, 10, 64)
	return n + 1
}

// already says whether exactly these events stand at a place.
func (s *Server) already(p *proposal, at uint64) (bool, error) {
	if at == nowhere || len(p.events) == 0 {
		return false, nil
	}
	stored, err := s.store.forward(p.stream, at, len(p.events))
	if err != nil || len(stored) != len(p.events) {
		return false, err
	}
	for i := range stored {
		if stored[i].ID != p.events[i].ID || stored[i].Rev != at+uint64(i) {
			return false, nil
		}
	}
	return true, nil
}

func success(last, position uint64) *streams.AppendResp {
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: last},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: position, PreparePosition: position}},
	}}}
}

// wrong is the answer to an append at another place than the stream's end.
func (p *proposal) wrong(now uint64) *streams.AppendResp {
	w := &streams.AppendResp_WrongExpectedVersion{}
	if now == 0 {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
	} else {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: now - 1}
	}
	if p.expected == "no_stream" {
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	} else if n, err := strconv.ParseUint(p.expected, 10, 64); err == nil {
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: n}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}
}

// Delete hides a stream softly: its metadata says that everything before the end of time is gone.
func (s *Server) Delete(_ context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	stream := "$$" + string(req.GetOptions().GetStreamIdentifier().GetStreamName())
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	at, err := next(s.store.conn, stream)
	if err != nil {
		return nil, broken(err)
	}
	gone := Event{ID: uuid.New(), Type: "$metadata", Content: "application/json", Data: fmt.Appendf(nil, `{"$tb":%d}`, softDeleted)}
	if _, err := s.store.append(stream, at, []Event{gone}); err != nil {
		return nil, broken(err)
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{}}}, nil
}

// Tombstone ends a stream for good.
func (s *Server) Tombstone(_ context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	if err := s.store.bury(string(req.GetOptions().GetStreamIdentifier().GetStreamName())); err != nil {
		return nil, broken(err)
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{}}}, nil
}
