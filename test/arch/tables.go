package arch

// A rule of this table says what one package may import from this module.
// Standard library and drivers have tables of their own below.
type packageRule struct {
	imports []string // import paths, or prefixes that end in "/..."
	tests   []string // what its test files may import beyond that
}

// suites are the conformance suites and fixtures: they ship as packages but only tests import them.
var suites = []string{"pm/eventstore/logtest", "pm/domain/engine/brokertest", "pm/projections/indextest", "pm/projections/snapshottest",
	"pm/adapters/postgres/pgtest", "pm/eventstore/esdb/esdbtest"}

// packages lists every package of the module. A package that is not here fails the test, so a new room is a decision
// that somebody wrote down. A key that ends in "/..." stands for every package below it.
var packages = map[string]packageRule{
	// The domain knows nothing but its own byte form. Its examples send their events through the codec of the log.
	"pm/domain":       {imports: []string{"pm/domain/canon"}, tests: []string{"pm/eventstore"}},
	"pm/domain/canon": {},

	"pm/domain/engine":            {imports: []string{"pm/domain", "pm/eventstore"}, tests: []string{"pm/domain/canon"}},
	"pm/domain/engine/brokertest": {imports: []string{"pm/domain", "pm/domain/engine"}},

	"pm/eventstore":           {imports: []string{"pm/domain", "pm/domain/canon"}},
	"pm/eventstore/sqlite":    {imports: []string{"pm/domain", "pm/eventstore"}, tests: []string{"pm/domain/canon"}},
	"pm/eventstore/signature": {imports: []string{"pm/domain", "pm/domain/canon", "pm/eventstore"}},
	"pm/eventstore/logtest":   {imports: []string{"pm/domain", "pm/domain/canon", "pm/eventstore"}},

	"pm/eventstore/esdb":          {imports: []string{"pm/domain", "pm/eventstore"}},
	"pm/eventstore/esdb/esdbtest": {imports: []string{"pm/domain", "pm/eventstore"}},
	// The copy of a remote log is an embedded log: the same file, the same care.
	"pm/eventstore/localcopy": {imports: []string{"pm/domain", "pm/eventstore", "pm/eventstore/sqlite"}},

	"pm/projections": {imports: []string{"pm/domain", "pm/domain/canon", "pm/eventstore", "pm/projections/tables"},
		tests: []string{"pm/projections/indextest", "pm/projections/snapshottest"}},
	"pm/projections/tables":       {imports: []string{"pm/domain"}, tests: []string{"pm/eventstore", "pm/projections/..."}},
	"pm/projections/snapshottest": {imports: []string{"pm/domain", "pm/eventstore", "pm/projections", "pm/projections/tables"}},
	"pm/projections/indextest":    {imports: []string{"pm/domain", "pm/eventstore", "pm/projections"}},

	// An adapter knows the package whose port it implements and no other adapter.
	"pm/adapters/broker/paper": {imports: []string{"pm/domain", "pm/domain/engine"}},
	"pm/adapters/sqlite": {imports: []string{"pm/domain", "pm/eventstore", "pm/projections", "pm/projections/tables"},
		tests: []string{"pm/projections/indextest", "pm/projections/snapshottest"}},
	"pm/adapters/postgres": {imports: []string{"pm/migrations", "pm/projections", "pm/projections/tables"},
		tests: []string{"pm/domain", "pm/eventstore", "pm/projections/snapshottest", "pm/adapters/postgres/pgtest"}},
	"pm/adapters/postgres/pgtest": {},
	"pm/migrations":               {},
	"pm/adapters/tradingview":     {imports: []string{"pm/domain"}},

	// The engine reaches the api as function values, so no handler can go round its queue.
	"pm/api":     {imports: []string{"pm/domain", "pm/domain/canon", "pm/projections", "pm/api/web"}},
	"pm/api/web": {},

	// Commands are the only place where things are wired; nobody imports them, and tests run them as programs.
	"pm/cmd/...":  {imports: []string{"pm/..."}},
	"pm/test/...": {imports: []string{"pm/..."}},
}

// nobodyImports are trees that only they themselves may import.
var nobodyImports = []string{"pm/cmd", "pm/test"}

// drivers lists every library from outside and the packages that may import it.
// A library that is not here fails the test: each one is a choice with a reason, and the weighty ones have an ADR.
var drivers = map[string][]string{
	"github.com/quagmt/udecimal":          {"pm/domain", "pm/domain/canon"},                                                       // ADR 0004
	"github.com/google/uuid":              {"pm/domain", "pm/api", "pm/cmd/...", "pm/eventstore/esdb/..."},                        // deterministic ids; request and instance ids
	"zombiezen.com/go/sqlite":             {"pm/eventstore/...", "pm/adapters/broker/paper", "pm/adapters/sqlite", "pm/test/..."}, // ADR 0006
	"github.com/jackc/pgx/v5":             {"pm/adapters/postgres", "pm/adapters/postgres/pgtest"},                                // ADR 0015
	"github.com/pressly/goose/v3":         {"pm/adapters/postgres"},                                                               // ADR 0015
	"github.com/labstack/echo/v4":         {"pm/api"},                                                                             // HTTP routing
	"github.com/prometheus/client_golang": {"pm/api", "pm/cmd/..."},                                                               // /metrics
	"github.com/knadh/koanf":              {"pm/cmd/internal/config"},                                                             // ADR 0011
	"github.com/spf13/cobra":              {"pm/cmd/..."},                                                                         // ADR 0011
	"gopkg.in/yaml.v3":                    {"pm/cmd/pmctl", "pm/cmd/internal/..."},                                                // -o yaml
	"golang.org/x/sys":                    {"pm/eventstore/sqlite", "pm/cmd/..."},                                                 // folder lock, boot time
	"github.com/getkin/kin-openapi":       nil,                                                                                    // the OpenAPI document, held against the standard
	"github.com/stretchr/testify":         nil,                                                                                    // tests and suites only
	"pgregory.net/rapid":                  nil,                                                                                    // property tests
	"go.uber.org/goleak":                  nil,                                                                                    // goroutine leaks

	"github.com/EventStore/EventStore-Client-Go/v4": {"pm/eventstore/esdb/...", "pm/cmd/pm", "pm/test/bench"}, // ADR 0018; the last two in tests
	"google.golang.org/grpc":                        {"pm/eventstore/esdb/..."},                               // what that client stands on: codec, headers, status codes
}

// pureStd is the part of the standard library that the domain may use: values in, values out.
// It is a list of what is allowed, so that a package which is new in some Go release is refused until it is judged.
var pureStd = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/base32", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "iter", "maps",
	"math/big", "math/bits", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8", "unicode/utf16",
}

// stdRules says which parts of the standard library a package below domain/ may use in code that ships.
var stdRules = map[string]stdRule{
	"pm/domain": {allowed: pureStd},
	// The codec compiles a plan for each type by reflection, once, and keeps it: sync guards that table and nothing else.
	"pm/domain/canon": {allowed: append([]string{"encoding/binary", "reflect", "sync", "sync/atomic", "unsafe"}, pureStd...)},
	// The engine is the concurrent shell round the pure core. It reaches the world through its ports only.
	"pm/domain/engine": {banned: []string{"os", "net", "math/rand", "math", "database/sql", "log", "syscall", "plugin", "embed"},
		except: []string{"log/slog"}},
}

// A stdRule allows a closed list, or bans some trees of packages.
type stdRule struct {
	allowed []string
	banned  []string
	except  []string // below a banned tree and allowed all the same
}

// pure are the packages in which time and chance arrive as arguments.
var pure = []string{"pm/domain", "pm/domain/canon"}

// interfaces lists every named interface: each stands at a boundary of the process or closes a set of values.
var interfaces = map[string]string{
	"pm/domain.Event":             "the closed list of events; Apply switches over it",
	"pm/domain.Command":           "the closed list of commands; Decide switches over it",
	"pm/domain/engine.Broker":     "whoever executes orders",
	"pm/eventstore.Log":           "the log",
	"pm/projections.Index":        "whatever keeps the lists of the past",
	"pm/projections.Snapshot":     "whatever keeps the tables that a start is held against",
	"pm/projections.SnapshotView": "one consistent moment of a snapshot",
}

// topLevel are the names that may stand beside go.mod. Names with a dot in front are tooling and are not listed.
var topLevel = []string{
	"cmd", "domain", "eventstore", "projections", "adapters", "api", "migrations", "test", "docs",
	"go.mod", "go.sum", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
	"bin", "data", "coverage", "dist", // made by make, ignored by git
}

// emptyWords say nothing about what lives in a package, a file or a type.
var emptyWords = []string{"util", "utils", "common", "manager", "managers", "helper", "helpers", "misc"}
