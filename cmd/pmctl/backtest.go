package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pm/adapters/broker/paper"
	"pm/cmd/internal/config"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// backtestName is the portfolio, the instance and the build of every backtest, so that the same input gives the same bytes.
const backtestName = "backtest"

// backtestFlags are the flags of the backtest verb.
type backtestFlags struct {
	tradingView                            bool
	instrument, percent, sizing            string
	pointValue, fee, capital, slip, config string
	log                                    string
}

func (c *cli) backtestCommand() *cobra.Command {
	f := &backtestFlags{}
	cmd := &cobra.Command{
		Use: "backtest FILE...", Short: "feeds signals through the real engine into a fresh log, with the paper broker", Args: cobra.MinimumNArgs(1),
		Long: `Reads files of webhook bodies, one JSON object a line (or, with --tradingview, Strategy Tester exports), merges them by time, and
takes each signal through the engine that trades live: the same rules, the same log, the paper broker. Time is the signals' own: nothing
waits, and the same input gives the same log with the same head hash. The environment is not read.

The report: orders are those that filled, by kind. A closed trade is a layer that was closed. net_pnl is that of closed lots, both
sides' fees taken off; of a layer that is sold in part it counts the part. final_equity is the capital with everything realized and
unrealized, fees those of all fills. started and finished are the times of the first and the last signal.

With --sizing own sizes and gates are pm's own; with sender the sender's lots are used and the gates are off.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.backtest(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.tradingView, "tradingview", false, "the files are Strategy Tester exports")
	flags.StringVar(&f.instrument, "instrument", "", "the exports' instrument, for example BANK_NIFTY")
	addSynthesize(cmd, &f.percent)
	flags.StringVar(&f.sizing, "sizing", "", "own or sender (default: the configured one, own)")
	flags.StringVar(&f.pointValue, "point-value", "", "rupees a point a lot, in place of the configured one")
	flags.StringVar(&f.fee, "fee", "", "fee of each side as a fraction of the value, for example 0.0005")
	flags.StringVar(&f.slip, "slippage", "", "slippage of each fill as a fraction of the price")
	flags.StringVar(&f.capital, "capital", "", "initial capital, rupees (default: the configured one)")
	flags.StringVar(&f.log, "log", "", "keep the log in this new folder, to look at with --data")
	flags.StringVar(&f.config, "config", "", "configuration file of pm")
	_ = cmd.RegisterFlagCompletionFunc("sizing", cobra.FixedCompletions([]string{domain.SizingOwn, domain.SizingSender}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) backtest(ctx context.Context, files []string, f *backtestFlags) (err error) {
	if f.tradingView && f.instrument == "" {
		return errors.New("--tradingview needs --instrument: the export does not name it")
	}
	feed, err := c.readFeed(files, f)
	if err != nil {
		return err
	}
	conf, err := f.configuration()
	if err != nil {
		return err
	}
	settings := conf.Decision()
	if err := f.points(settings, feed); err != nil {
		return err
	}
	log, err := f.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	run, err := newBacktest(ctx, log, paper.Options{Fee: conf.Paper.Fee, Slippage: conf.Paper.Slippage}, f.opened(conf, settings), feed[0].sub.Signal.Timestamp)
	if err != nil {
		return err
	}
	progress := c.progress("signals", uint64(len(feed)))
	for i := range feed {
		if err := run.take(ctx, &feed[i]); err != nil {
			return fmt.Errorf("%s: %w", feed[i].place(), err)
		}
		progress.step(1)
	}
	progress.done()
	report, err := run.report(ctx, log)
	if err != nil {
		return err
	}
	return c.show(report, nil, report.table)
}

// configuration is the file's with what the flags say in its place; orders always go to the paper broker.
func (f *backtestFlags) configuration() (*config.Config, error) {
	// Said here under the names of the flags: the configuration knows only its keys.
	if modes := []string{domain.SizingOwn, domain.SizingSender}; f.sizing != "" && !slices.Contains(modes, f.sizing) {
		return nil, fmt.Errorf("--sizing %q is none of %s", f.sizing, strings.Join(modes, ", "))
	}
	if _, err := positive("--capital", f.capital); err != nil {
		return nil, err
	}
	flags := map[string]string{}
	for key, value := range map[string]string{"sizing.mode": f.sizing, "portfolio.initial_capital": f.capital} {
		if value != "" {
			flags[key] = value
		}
	}
	conf, err := loadConfig(f.config, flags)
	if err != nil {
		return nil, err
	}
	for _, rate := range []struct {
		flag, text string
		into       *domain.Decimal
	}{{"--fee", f.fee, &conf.Paper.Fee}, {"--slippage", f.slip, &conf.Paper.Slippage}} {
		if rate.text == "" {
			continue
		}
		d, err := domain.ParseDecimal(rate.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rate.flag, err)
		}
		*rate.into = d
	}
	return conf, nil
}

func (f *backtestFlags) opened(conf *config.Config, settings map[string]string) domain.PortfolioOpened {
	return domain.PortfolioOpened{
		ID: backtestName, Currency: conf.Portfolio.Currency, InitialCapital: conf.Portfolio.InitialCapital, Settings: settings,
	}
}

// points puts --point-value in place of the configured one, for the one instrument that it can mean.
func (f *backtestFlags) points(settings map[string]string, feed []fed) error {
	value, err := positive("--point-value", f.pointValue)
	if value == nil || err != nil {
		return err
	}
	name := feed[0].sub.Signal.Instrument
	for i := range feed {
		if other := feed[i].sub.Signal.Instrument; other != name {
			return fmt.Errorf("--point-value: the files hold signals of %s and %s, and one value cannot serve both: use --config", name, other)
		}
	}
	return setPointValue(settings, name, value.String())
}

// openLog is a new log: in memory, or in a folder that holds none yet.
func (f *backtestFlags) openLog(ctx context.Context) (eventstore.Log, error) {
	if f.log == "" {
		return eventstore.NewMemory(backtestName), nil
	}
	log, err := sqlite.Open(f.log, backtestName, backtestName)
	if err != nil {
		return nil, fmt.Errorf("--log: %w", err)
	}
	head, err := log.Head(ctx)
	if err == nil && head.Next > 0 {
		err = fmt.Errorf("--log %s holds a log that ends at %s: a backtest needs a new folder", f.log, head)
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return log, nil
}

// virtual is the time of a backtest: the signals' own, which never falls behind the first of them.
type virtual struct{ first, now time.Time }

func (v *virtual) clock() time.Time { return v.now }

func (v *virtual) uptime() time.Duration { return max(0, v.now.Sub(v.first)) }
