package config

import (
	"maps"
	"slices"
	"strings"
)

// cell is a value and where it comes from.
type cell struct{ value, origin string }

// row is an instrument: its attributes, each by day (always for the one before all days).
type row map[string]map[string]cell

// table is the instruments by name.
type table map[string]row

// instrumentsOf picks the rows out of the merged layers.
func instrumentsOf(merged *layer) table {
	t := table{}
	for key, value := range merged.values {
		parts := strings.Split(key, ".")
		if parts[0] != instrumentSection {
			continue
		}
		name, attribute, day := parts[1], parts[2], parts[3]
		if t[name] == nil {
			t[name] = row{}
		}
		if t[name][attribute] == nil {
			t[name][attribute] = map[string]cell{}
		}
		kind, _ := kindOf(key)
		t[name][attribute][day] = cell{canonical(kind, value.(string)), merged.origin[key]} //nolint:forcetypeassert // a list was refused where it was read
	}
	return t
}

// fill gives each row what it leaves out and its `like` has.
func (t table) fill() []Problem {
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(t)) {
		problems = append(problems, t.copyLike(name, nil)...)
	}
	return problems
}

func (t table) copyLike(name string, trail []string) []Problem {
	own := t[name]
	like, given := own[likeAttr][always]
	if !given {
		return nil
	}
	key := instrumentSection + "." + name + "." + likeAttr
	delete(own, likeAttr)
	trail = append(trail, name)
	switch {
	case slices.Contains(trail, like.value):
		return []Problem{{Source: like.origin, Key: key, Text: "copies itself by way of " + like.value + "; name a complete row"}}
	case t[like.value] == nil:
		rows := slices.Sorted(maps.Keys(t))
		return []Problem{{Source: like.origin, Key: key, Text: "there is no row " + like.value + "; there are " + strings.Join(rows, ", ")}}
	}
	problems := t.copyLike(like.value, trail)
	for attribute, days := range t[like.value] {
		if own[attribute] == nil {
			own[attribute] = map[string]cell{}
		}
		if _, whole := own[attribute][always]; whole {
			continue
		}
		for day, c := range days {
			if _, has := own[attribute][day]; !has {
				own[attribute][day] = cell{c.value, "like " + like.value}
			}
		}
	}
	return problems
}

// shared finds instruments that trade one contract: the broker nets them, so neither's position could be told from the other's.
func (t table) shared() []Problem {
	var problems []Problem
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		for _, day := range slices.Sorted(maps.Keys(t[name][contractAttr])) {
			c := t[name][contractAttr][day]
			first, taken := owner[c.value]
			if taken && first != name {
				problems = append(problems, Problem{
					Source: c.origin, Key: instrumentSection + "." + name + "." + contractAttr,
					Text: c.value + " is the contract of " + first + " already; give each instrument a contract of its own",
				})
			}
			owner[c.value] = name
		}
	}
	return problems
}

// dated counts the values that hold from a day on.
func (t table) dated() int {
	n := 0
	for _, row := range t {
		for _, days := range row {
			n += len(days)
			if _, base := days[always]; base {
				n--
			}
		}
	}
	return n
}

// flatten writes the rows as decisions read them: instruments.<NAME>.<attribute>, with @<day> for a dated value.
func (t table) flatten(into map[string]cell) {
	for name, row := range t {
		for attribute, days := range row {
			for day, c := range days {
				key := instrumentSection + "." + name + "." + attribute
				if day != always {
					key += "@" + day
				}
				into[key] = c
			}
		}
	}
}
