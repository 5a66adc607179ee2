package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pm/projections/tables"
)

// MaxDivergences is how many differences are listed; all of them are counted.
const MaxDivergences = 1000

// Divergence is one value that the log and the snapshot do not agree on.
type Divergence struct {
	Path     string `json:"path"` // portfolio_state.total_risk_amount, layers[BANK_NIFTY-1-Long_2].stop
	Log      string `json:"log"`
	Snapshot string `json:"snapshot"`
	Revision uint64 `json:"revision"` // at which they were compared; of a row of history: the event that made it
	Message  string `json:"message"`
}

// absent is what a divergence shows in the place of a row that is not there, noValue for a null.
const (
	absent  = "(no row)"
	noValue = "(null)"
)

// findings gathers differences.
type findings struct {
	list  []Divergence
	count int
}

func (f *findings) add(d Divergence) {
	f.count++
	if len(f.list) < MaxDivergences {
		f.list = append(f.list, d)
	}
}

// divergences compares table by table: rows of state by value, history by its hash and, where that differs, line by line.
func (r *recovering) divergences(ctx context.Context, head *SnapshotHead, ours, theirs tables.Content) (*findings, error) {
	f := &findings{}
	for _, t := range tables.All() {
		if t.Class == tables.State {
			f.compareRows(t, head.Revision, ours.State[t.Name], theirs.State[t.Name])
		} else if ours.History[t.Name] != theirs.History[t.Name] {
			before := f.count
			if err := r.compareHistory(ctx, t, head.Revision, f); err != nil {
				return nil, err
			}
			if f.count == before { // it changed while it was looked at
				f.add(Divergence{Path: t.Name, Revision: head.Revision, Log: ours.History[t.Name].Digest, Snapshot: theirs.History[t.Name].Digest,
					Message: fmt.Sprintf("The hash of table %s differs: DB=%s, Calculated=%s", t.Name, theirs.History[t.Name].Digest, ours.History[t.Name].Digest)})
			}
		}
	}
	f.invalid(head.Revision, theirs)
	// Where values differ so does the hash over all of them: said alone, it means that the head row does not belong to its tables.
	if stored := theirs.Hash(); f.count == 0 && (stored != head.TablesHash || ours.Hash() != head.TablesHash) {
		f.add(Divergence{Path: "head.tables_hash", Revision: head.Revision, Log: ours.Hash(), Snapshot: head.TablesHash,
			Message: fmt.Sprintf("The tables do not have the hash of the head row: the snapshot is torn or was changed: DB=%s, Calculated=%s", head.TablesHash, stored)})
	}
	return f, nil
}

// compareRows walks over two sorted lists of lines.
func (f *findings) compareRows(t tables.Table, rev uint64, ours, theirs []string) {
	if slices.Equal(ours, theirs) { // which is so at nearly every start, and costs no map of all rows
		return
	}
	ourRows, theirRows := byKey(t, ours), byKey(t, theirs)
	for _, line := range ours {
		if key := keyOf(t, line); theirRows[key] == nil {
			f.row(t, rev, key, "is missing in the snapshot", "(a row)", absent)
		}
	}
	for _, line := range theirs {
		key := keyOf(t, line)
		mine := ourRows[key]
		if len(theirRows[key]) > len(mine) {
			f.row(t, rev, key, "is in the snapshot and not in the log", absent, "(a row)")
		} else {
			f.columns(t, rev, key, mine[0], line)
		}
	}
}

func byKey(t tables.Table, lines []string) map[string][]string {
	out := make(map[string][]string, len(lines))
	for _, l := range lines {
		key := keyOf(t, l)
		out[key] = append(out[key], l)
	}
	return out
}

// keyOf is the key of a line as a person reads it.
func keyOf(t tables.Table, line string) string {
	columns := tables.Split(line)
	return strings.Join(columns[:min(t.Key, len(columns))], ",")
}

func (f *findings) row(t tables.Table, rev uint64, key, what, ours, theirs string) {
	path := fmt.Sprintf("%s[%s]", t.Name, key)
	f.add(Divergence{Path: path, Revision: rev, Log: ours, Snapshot: theirs, Message: fmt.Sprintf("Row %s %s", path, what)})
}

// columns names the columns in which two rows with the same key differ, if they do.
func (f *findings) columns(t tables.Table, rev uint64, key, ours, theirs string) {
	mine, other := tables.Split(ours), tables.Split(theirs)
	for i, c := range t.Columns {
		if mine[i] == other[i] {
			continue
		}
		log, snapshot := shown(c, mine[i]), shown(c, other[i])
		d := Divergence{Path: t.Name + "." + c.Name, Revision: rev, Log: log, Snapshot: snapshot}
		subject := label(c.Name)
		if t.Name != "portfolio_state" { // it has one row
			d.Path = fmt.Sprintf("%s[%s].%s", t.Name, key, c.Name)
			subject += " of " + t.Name + " " + key
		}
		d.Message = fmt.Sprintf("%s mismatch: DB=%s, Calculated=%s", subject, snapshot, log)
		f.add(d)
	}
}

// shown is a value as a person reads it: money and prices with two digits behind the point at least.
func shown(c tables.Column, column string) string {
	text, null := tables.Value(column)
	if null {
		return noValue
	}
	if c.Kind != tables.Decimal {
		return text
	}
	_, fraction, _ := strings.Cut(text, ".")
	switch len(fraction) {
	case 0:
		return text + ".00"
	case 1:
		return text + "0"
	}
	return text
}

// label turns total_risk_amount into "Risk amount".
func label(column string) string {
	words := strings.ReplaceAll(strings.TrimPrefix(column, "total_"), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// invalid names what no log folds into, so that the report says what is wrong and not only that it differs.
func (f *findings) invalid(rev uint64, c tables.Content) {
	layers, pyramids := rowsOf("layers", c), rowsOf("pyramiding_state", c)
	campaigns := map[string]bool{}
	for _, p := range pyramids {
		campaigns[p["instrument"]+" "+p["campaign"]] = true
	}
	known := map[string]bool{}
	for _, l := range layers {
		known[l["position_id"]] = true
		if l["late_fill"] == "f" && !campaigns[l["instrument"]+" "+l["campaign"]] {
			f.wrong(rev, "layers", l["position_id"], "Orphaned layer %s: campaign %s of %s has no pyramiding state", l["position_id"], l["campaign"], l["instrument"])
		}
		if l["late_fill"] == "f" && l["position_id"] != fmt.Sprintf("%s-%s-%s", l["instrument"], l["campaign"], l["layer"]) {
			f.wrong(rev, "layers", l["position_id"], "Wrong layer: position %s says that it is %s of campaign %s of %s", l["position_id"], l["layer"], l["campaign"], l["instrument"])
		}
	}
	for _, p := range pyramids {
		base := p["base_position_id"]
		switch {
		case base != tables.Null && !known[base]:
			f.wrong(rev, "pyramiding_state", p["instrument"], "Invalid pyramiding state of %s: base %s is no layer", p["instrument"], base)
		case p["layers_filled"] != "0" && p["last_pyramid_price"] == tables.Null:
			f.wrong(rev, "pyramiding_state", p["instrument"], "Invalid pyramiding state of %s: %s layers have filled and last_pyramid_price is null", p["instrument"], p["layers_filled"])
		}
	}
}

func (f *findings) wrong(rev uint64, table, key, format string, args ...any) {
	f.add(Divergence{Path: fmt.Sprintf("%s[%s]", table, key), Revision: rev, Message: fmt.Sprintf(format, args...)})
}

// rowsOf gives the rows of a state table by column.
func rowsOf(name string, c tables.Content) []map[string]string {
	t, _ := tables.Named(name)
	var out []map[string]string
	for _, line := range c.State[name] {
		row := map[string]string{}
		for i, column := range tables.Split(line) {
			row[t.Columns[i].Name] = column
		}
		out = append(out, row)
	}
	return out
}
