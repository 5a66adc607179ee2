package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// The limits of a list.
const (
	pageLimit = 1000 // rows that the service gives at once
	listLimit = 100  // rows that are shown when nobody says how many
	maxList   = 100_000
)

// list is one of the API's lists, from the service or from the log.
type list struct {
	c        *cli
	key      string   // the name of the rows in the document, and of the resource
	statuses []string // what --status takes, the default first
	paged    bool     // long, and given in pages; lists with a status are
	limit    int
	filter   projections.Filter
	fromLog  func(context.Context, eventstore.Log, *list) ([]any, projections.Head, error)
	table    func(*table, []json.RawMessage) error
}

// page is a list as the service gives it.
type page struct {
	rows     []json.RawMessage
	next     json.RawMessage
	revision json.RawMessage
}

// command makes the verb of a list.
func (l *list) command(use, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	if len(l.statuses) > 0 {
		l.paged = true
		flags.StringVar(&l.filter.Status, "status", l.statuses[0], fmt.Sprintf("one of %v", l.statuses))
		_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(l.statuses, cobra.ShellCompDirectiveNoFileComp))
	}
	if l.paged {
		flags.StringVar(&l.filter.Instrument, "instrument", "", "only this instrument")
		flags.IntVar(&l.limit, "limit", listLimit, "rows to show, newest first")
	}
	return cmd
}

func (l *list) run(ctx context.Context) error {
	if err := l.check(); err != nil {
		return err
	}
	read := l.fromService
	if l.c.fromLog() {
		read = l.readLog
	}
	got, err := read(ctx)
	if err != nil {
		return err
	}
	items := make([]any, len(got.rows))
	for i, row := range got.rows {
		items[i] = row
	}
	doc := document{{l.key, got.rows}}
	if l.paged {
		doc = append(doc, member{"limit", l.limit}, member{"next", got.next})
	}
	doc = append(doc, member{"revision", got.revision})
	var failed error
	err = l.c.show(doc, items, func(t *table) { failed = l.table(t, got.rows) })
	if failed != nil {
		return failed
	}
	return err
}

func (l *list) check() error {
	if !l.paged {
		l.limit = maxList
		return nil
	}
	if l.limit < 1 || l.limit > maxList {
		return fmt.Errorf("--limit %d: give 1 to %d", l.limit, maxList)
	}
	if len(l.statuses) == 0 || slices.Contains(l.statuses, l.filter.Status) {
		return nil
	}
	return fmt.Errorf("--status %q is none of %v", l.filter.Status, l.statuses)
}

// fromService reads page after page until there are enough rows or no more.
func (l *list) fromService(ctx context.Context) (page, error) {
	got := page{rows: []json.RawMessage{}}
	query := url.Values{}
	for {
		if l.paged {
			query.Set("limit", strconv.Itoa(min(pageLimit, l.limit-len(got.rows))))
			setIf(query, "status", l.statusParameter())
			setIf(query, "instrument", l.filter.Instrument)
		}
		var doc map[string]json.RawMessage
		if err := l.c.get(ctx, "/api/v1/"+l.key, query, &doc); err != nil {
			return got, err
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(doc[l.key], &rows); err != nil {
			return got, fmt.Errorf("the answer has no list %q: %w", l.key, err)
		}
		got.rows, got.next, got.revision = append(got.rows, rows...), doc["next"], doc["revision"]
		// A cursor is a number or a text, and goes back as it came.
		next := strings.Trim(string(got.next), `"`)
		if next == "" || next == "null" || len(rows) == 0 || len(got.rows) >= l.limit {
			return got, nil
		}
		query = url.Values{"next": {next}}
	}
}

// statusParameter is the filter as the service wants it: it has no word for all signals.
func (l *list) statusParameter() string {
	if l.key == "signals" && l.filter.Status == projections.FilterAll {
		return ""
	}
	return l.filter.Status
}

func setIf(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

// readLog makes the same rows from the log.
func (l *list) readLog(ctx context.Context) (got page, err error) {
	err = l.c.withLog(ctx, func(log eventstore.Log) error {
		views, head, err := l.fromLog(ctx, log, l)
		if err != nil {
			return err
		}
		got.rows, got.next = make([]json.RawMessage, 0, len(views)), json.RawMessage("null")
		for _, v := range views {
			text, err := compact(v)
			if err != nil {
				return err
			}
			got.rows = append(got.rows, text)
		}
		got.revision, err = json.Marshal(head.Revision)
		return err
	})
	return got, err
}

// folded reads the log into a state.
func folded(ctx context.Context, log eventstore.Log) (*domain.State, projections.Head, error) {
	state := domain.NewState()
	head, err := fold(ctx, log, state, nil)
	return state, projections.HeadOf(head), err
}

// document is a JSON object whose keys keep their order.
type document []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order; those without a value are left out.
func (d document) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for _, m := range d {
		if raw, ok := m.value.(json.RawMessage); ok && len(raw) == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		for _, part := range []any{m.key, m.value} {
			text, err := compact(part)
			if err != nil {
				return nil, err
			}
			out = append(append(out, text[:len(text)-1]...), ':')
		}
		out = out[:len(out)-1]
	}
	return append(out, '}'), nil
}
