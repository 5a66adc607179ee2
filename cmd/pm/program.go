package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pm/cmd/internal/config"
)

// The exit codes.
const (
	exitStopped = 0
	exitHalted  = 1
	exitUsage   = 2
)

// errUsage says that the command line or the configuration was wrong and has been explained.
var errUsage = errors.New("usage")

// program is one run of pm with everything that it takes from outside.
type program struct {
	args       []string
	env        []string
	out, errs  io.Writer
	build      string
	ready      func(address string) // tests: called when signals are taken
	diskEvery  time.Duration        // tests: 0 is the standard
	retryWaits []time.Duration      // tests: nil is the standard

	configFile  string
	data        string
	listen      string
	demo        bool
	printConfig bool
}

// run does what the command line says and gives the exit code.
func (p *program) run(ctx context.Context) int {
	cmd := p.command()
	cmd.SetArgs(p.args)
	switch err := cmd.ExecuteContext(ctx); {
	case err == nil:
		return exitStopped
	case errors.Is(err, errUsage):
		return exitUsage
	default:
		var h *halt
		if !errors.As(err, &h) { // cobra's own: an unknown flag, an argument
			fmt.Fprintf(p.errs, "pm: %v\nTry pm --help.\n", err)
			return exitUsage
		}
		fmt.Fprintf(p.errs, "%v\nhint: %s\n", h, h.Hint)
		return exitHalted
	}
}

func (p *program) command() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pm", Short: "takes signals, decides, sends orders, keeps the books", Args: cobra.NoArgs, Version: p.build,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.start(cmd) },
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetVersionTemplate("pm {{.Version}}\n")
	cmd.SetOut(p.out)
	cmd.SetErr(p.errs)
	f := cmd.Flags()
	f.StringVar(&p.configFile, "config", "", "configuration file (YAML)")
	f.StringVar(&p.data, "data", "", "folder of the log and everything else that is kept (default ./data, with --demo ./data/demo)")
	f.StringVar(&p.listen, "listen", "", "HOST:PORT to answer HTTP on (default 127.0.0.1:8080)")
	f.BoolVar(&p.demo, "demo", false, "mark a new portfolio as a demo and feed it the sample signals")
	f.BoolVar(&p.printConfig, "print-config", false, "show the effective settings with their sources, secrets redacted, and end")
	return cmd
}

// start reads the configuration and becomes the service.
func (p *program) start(cmd *cobra.Command) error {
	cfg, warnings, err := p.configure(cmd)
	if err != nil {
		return err
	}
	if p.printConfig {
		return cfg.Print(p.out)
	}
	lines := newLines(p.errs)
	defer lines.Close() // before the last words of a halt
	log := newLogger(lines, cfg)
	for _, w := range warnings {
		log.Warn("configuration", "problem", w.String())
	}
	s := newService(p, cfg, log)
	s.drainLog = lines.Drain
	return s.run(cmd.Context())
}

// configure lists every problem at once.
func (p *program) configure(cmd *cobra.Command) (*config.Config, []config.Problem, error) {
	from := config.Sources{File: p.configFile, Env: p.env, Flags: map[string]string{}, Demo: p.demo}
	if from.File == "" {
		from.File = variable(p.env, "PM_CONFIG")
	}
	for name, value := range map[string]string{"data": p.data, "listen": p.listen} {
		if cmd.Flags().Changed(name) {
			from.Flags[name] = value
		}
	}
	cfg, problems := config.Load(from)
	if cfg != nil {
		return cfg, problems, nil
	}
	fmt.Fprintf(p.errs, "pm: the configuration has %d problem(s):\n", len(problems))
	for _, problem := range problems {
		fmt.Fprintf(p.errs, "  %s\n", problem)
	}
	return nil, nil, errUsage
}

// variable is the value of a variable in NAME=value form, the last one if it stands there more than once.
func variable(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if len(v) > len(name) && v[:len(name)+1] == name+"=" {
			return v[len(name)+1:]
		}
	}
	return ""
}

func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// hostname is the first part of every instance id.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "host"
	}
	return name
}
