package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pm/cmd/internal/config"
	"pm/eventstore"
	"pm/projections"
)

// The exit codes.
const (
	exitFine    = 0
	exitFinding = 1
	exitFailed  = 2
	exitRefused = 3
)

// The forms of output.
const (
	formTable  = "table"
	formJSON   = "json"
	formYAML   = "yaml"
	formNDJSON = "ndjson"
)

var forms = []string{formTable, formJSON, formYAML, formNDJSON}

// cli is one call of the tool: its streams, its surroundings and its global flags.
type cli struct {
	in          io.Reader
	out, errs   io.Writer
	now         func() time.Time
	env         func(string) string
	client      *http.Client
	wait        func(context.Context, time.Duration) error // between two attempts
	outTerminal bool
	errTerminal bool
	inTerminal  bool

	openSnapshot, readSnapshot func(config.Snapshot) (projections.Snapshot, error) // what a configuration names, for writing and for reading
	snapshotTry                []time.Duration                                     // waits before a snapshot is tried again; nil: those of a start

	server, data, eventstore string
	form, token              string
	noColor                  bool
}

// failure is an error with the exit code that it ends in.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

func finding(err error) error { return &failure{exitFinding, err} }

func refused(err error) error { return &failure{exitRefused, err} }

// exitCode is what an error ends in. Whatever was not found to be a finding or a refusal could not run.
func exitCode(err error) int {
	var f *failure
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &corrupt), errors.As(err, &unknown):
		return exitFinding
	default:
		return exitFailed
	}
}

// run does one call and gives its exit code; what went wrong is said on the error stream.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(joinSynthesize(args))
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.errs)
	err := inOwnWords(root.ExecuteContext(ctx))
	if err != nil {
		fmt.Fprintf(c.errs, "pmctl: %v\n", err)
	}
	return exitCode(err)
}

// exclusive is how the flag library says that flags exclude each other: the group, and those of it that were given.
var exclusive = regexp.MustCompile(`^if any flags in the group \[[^]]+\] are set none of the others can be; \[([^]]+)\] were all set$`)

// inOwnWords says what the flag library says in words that name the flags as they are typed.
func inOwnWords(err error) error {
	if err == nil {
		return nil
	}
	given := exclusive.FindStringSubmatch(err.Error())
	if given == nil {
		return err
	}
	return fmt.Errorf("--%s exclude each other: give one of them", strings.Join(strings.Fields(given[1]), " and --"))
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pmctl",
		Short:         "looks into pm's log and service, sends signals, sizes, backtests",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains(forms, c.form) {
				return fmt.Errorf("-o %q is none of %s", c.form, strings.Join(forms, ", "))
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&c.server, "server", "", "address of a running service (default http://127.0.0.1:8080, or PM_SERVER)")
	f.StringVar(&c.data, "data", "", "pm's data folder: read the log itself, also while pm runs; beside --eventstore the folder of its key and pinned head")
	f.StringVar(&c.eventstore, "eventstore", "", "the log by its address, for example sqlite://data/log or esdb://store:2113?portfolio=main")
	f.StringVarP(&c.form, "output", "o", formTable, "form of the output: "+strings.Join(forms, ", "))
	f.StringVar(&c.token, "token", "", "token or secret that the service asks for (default PM_TOKEN)")
	f.BoolVar(&c.noColor, "no-color", false, "no colours, also on a terminal")
	root.MarkFlagsMutuallyExclusive("server", "data")
	root.MarkFlagsMutuallyExclusive("server", "eventstore")
	root.AddCommand(
		c.statusCommand(), c.portfolioCommand(), c.positionsCommand(), c.pyramidsCommand(), c.ordersCommand(), c.signalsCommand(),
		c.replayCommand(), c.logCommand(), c.sizeCommand(), c.tradesCommand(), c.instancesCommand(), c.recoveryCommand(), c.explainCommand(), c.importCommand(), c.backtestCommand(), c.versionCommand(),
		c.verifyCommand(), c.snapshotCommand(), c.rebuildCommand(), c.migrateCommand(),
		c.exitCommand(), c.withdrawCommand(), c.closeAllCommand(), c.capitalCommand(), c.limitsCommand(), c.formatCommand(), c.acceptCommand(),
	)
	root.AddCommand(c.tradingCommands()...)
	for _, f := range []string{"output"} {
		_ = root.RegisterFlagCompletionFunc(f, cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
	}
	return root
}

// colors says whether a table may use them.
func (c *cli) colors() bool { return c.outTerminal && !c.noColor && c.env("NO_COLOR") == "" }
