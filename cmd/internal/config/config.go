package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"pm/adapters/broker/paper"
	"pm/api"
	"pm/domain"
)

// Sources are where settings come from beside the defaults.
type Sources struct {
	File  string            // a YAML file, "" for none
	Env   []string          // NAME=value, as os.Environ gives them
	Flags map[string]string // by key
	Demo  bool              // the data folder is ./data/demo where no source names another
}

// Config is a configuration that a start can use: everything has been checked.
type Config struct {
	Data       string // folder
	Listen     string // host:port
	Portfolio  Portfolio
	EventStore EventStore
	Snapshot   Snapshot
	Paper      paper.Options
	Secrets    []Secret       // of the webhook: none, one, or two while they are exchanged
	Tokens     []api.Token    // of the API: digests, names and roles
	Proxies    []netip.Prefix // whose X-Forwarded-For is believed
	Allow      []netip.Prefix // who may use the webhook; none means everybody
	LogLevel   slog.Level
	LogJSON    bool

	decision map[string]string
	shown    map[string]cell // what Print shows
	lists    map[string]int  // how many items each list has, for Print
}

// Portfolio is what the first event of the log says.
type Portfolio struct {
	ID             domain.PortfolioID
	Currency       string
	InitialCapital domain.Decimal // rupees
}

// EventStore is where the log lives.
type EventStore struct {
	Memory bool   // it ends with the process
	Dir    string // else the folder of the embedded log, or of the local copy of a remote one
	URL    Secret // connection string of EventStoreDB, with its password
	Server bool   // URL is set
}

// Snapshot is where the tables live that a start is held against. At most one of the fields is set; none: there is no snapshot.
type Snapshot struct {
	Dir      string // folder of the embedded one
	Postgres Secret // URL of the database, with its password
	Server   bool   // Postgres is set
}

// demoData is where a demo keeps its log: beside a real portfolio's, never in it.
const demoData = "./data/demo"

// The limits of the table: the log's first event holds all of it, and a start reads it at every change.
const (
	MaxInstruments = 64
	MaxDated       = 1000 // values with a day, over all instruments
)

// maxProblems bounds the list of problems: a file that is something else altogether would fill pages.
const maxProblems = 100

// Load reads all sources. The configuration is nil if a problem is more than a warning.
func Load(from Sources) (*Config, []Problem) {
	layers := []*layer{parseYAML("built-in default", defaults)}
	if from.Demo {
		demo := newLayer()
		demo.put("data", demoData, "default of --demo")
		layers = append(layers, demo)
	}
	if from.File != "" {
		layers = append(layers, readFile(from.File))
	}
	return build(append(layers, readEnv(from.Env), readFlags(from.Flags))...)
}

// build checks what the layers say together.
func build(layers ...*layer) (*Config, []Problem) {
	merged, err := over(layers...)
	if err != nil {
		return nil, []Problem{{Text: err.Error()}}
	}
	r := &reader{merged: merged, c: &Config{decision: map[string]string{}, shown: map[string]cell{}, lists: map[string]int{}}}
	r.service()
	r.decisions()
	problems := append(merged.problems, r.problems...)
	if fatal := slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning }); fatal {
		if more := len(problems) - maxProblems; more > 0 {
			problems = append(problems[:maxProblems], Problem{Text: fmt.Sprintf("and %d more", more)})
		}
		return nil, problems
	}
	return r.c, problems
}

// Decision is the complete set of settings that decisions read, defaults filled in, in canonical form: PortfolioOpened.Settings.
func (c *Config) Decision() map[string]string { return maps.Clone(c.decision) }

// reader turns the merged layers into a Config and collects what is wrong.
type reader struct {
	merged   *layer
	c        *Config
	real     bool // the broker moves money
	problems []Problem
}

func (r *reader) fail(key, format string, args ...any) { r.add(key, false, format, args...) }
func (r *reader) warn(key, format string, args ...any) { r.add(key, true, format, args...) }

func (r *reader) add(key string, warning bool, format string, args ...any) {
	r.problems = append(r.problems, Problem{Source: r.merged.origin[key], Key: key, Text: fmt.Sprintf(format, args...), Warning: warning})
}

// text is a plain value, in canonical form and noted for Print.
func (r *reader) text(key string) string {
	kind, _ := kindOf(key)
	value, _ := r.merged.values[key].(string)
	value = canonical(kind, value)
	r.c.shown[key] = cell{value, r.merged.origin[key]}
	return value
}

func (r *reader) list(key string) []string {
	items, _ := r.merged.values[key].([]string)
	r.c.shown[key], r.c.lists[key] = cell{strings.Join(items, ","), r.merged.origin[key]}, len(items)
	return items
}

// decisions fills in what goes into the log and lets the domain judge it.
func (r *reader) decisions() {
	cells := map[string]cell{}
	for _, s := range settings {
		if section, _, _ := strings.Cut(s.key, "."); slices.Contains(decisionSections, section) {
			cells[s.key] = cell{r.text(s.key), r.merged.origin[s.key]}
		}
	}
	cells["signals.enforce_session"] = r.enforceSession()
	r.c.shown["signals.enforce_session"] = cells["signals.enforce_session"]
	instruments := instrumentsOf(r.merged)
	r.problems = append(r.problems, instruments.fill()...)
	r.problems = append(r.problems, instruments.shared()...)
	instruments.flatten(cells)
	if dated := instruments.dated(); len(instruments) > MaxInstruments || dated > MaxDated {
		r.fail(instrumentSection, "%d instruments with %d dated values; at most %d with %d", len(instruments), dated, MaxInstruments, MaxDated)
		return
	}
	maps.Copy(r.c.shown, cells)
	for key, c := range cells {
		r.c.decision[key] = c.value
	}
	r.c.decision["broker.name"], r.c.decision["broker.tags"] = "paper", "true"
	_, problems := domain.ParseSettings(r.c.decision)
	for _, err := range problems {
		r.problems = append(r.problems, located(err, cells))
	}
	if r.real && cells["sizing.mode"].value == domain.SizingSender {
		r.fail("sizing.mode", "%s takes the sender's lots with the gates off: with the paper broker only; write own", domain.SizingSender)
	}
}

// enforceSession resolves auto: a market's hours bind real money and would only be in the way on paper.
func (r *reader) enforceSession() cell {
	key := "signals.enforce_session"
	c := cell{r.text(key), r.merged.origin[key]}
	if c.value == "auto" {
		return cell{canonical(flag, fmt.Sprint(r.real)), "auto, " + c.origin}
	}
	c.value = canonical(flag, c.value)
	return c
}

// located gives a problem that the domain found its source: that of the key, of any day of the key, or of the instrument's row.
func located(err error, cells map[string]cell) Problem {
	key, what, _ := strings.Cut(err.Error(), ": ")
	p := Problem{Source: cells[key].origin, Key: key, Text: what}
	if p.Source != "" {
		return p
	}
	instrument := ""
	if strings.HasPrefix(key, instrumentSection+".") {
		instrument = key[:strings.LastIndexByte(key, '.')+1]
	}
	for _, k := range slices.Sorted(maps.Keys(cells)) {
		switch {
		case strings.HasPrefix(k, key+"@"):
			p.Source = cells[k].origin
			return p
		case instrument != "" && strings.HasPrefix(k, instrument) && p.Source == "":
			p.Source = cells[k].origin
		}
	}
	if what == "is missing" && instrument != "" {
		p.Text = "is missing; give it, or copy it from another row with `like: NAME`"
	}
	return p
}
