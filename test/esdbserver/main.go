// Command esdbserver runs the test server of pm/eventstore/esdb/esdbtest as a process of its own, so that a test can have an event store
// across the wire that fails now and then and survives the death of everybody else. It is for tests only and ships to nobody.
//
//	esdbserver --dir DIR [--listen HOST:PORT] [--seed 1] [--max-append BYTES]
//	    [--lost-percent N] [--reset-percent N]                         stored, and the answer is lost
//	    [--late-percent N] [--store-late-percent N] [--late-by 700ms]  answered late, stored late
//	    [--wrong-version-percent N] [--denied-percent N] [--deadline-percent N] [--disconnect-percent N]
//	    [--not-leader-percent N] [--leader HOST:PORT] [--follows HOST:PORT]
//	    [--cut-percent N] [--cut-after 100]                            reads and subscriptions that break off in the middle
//	    [--slow-percent N] [--slow-by 5ms] [--bytes-per-second N]      slow reads, a slow line
//
// Percentages of appends add up, those of reads too; at 100 every one fails. A seed gives the same row of faults again.
//
// It prints its connection string as its first line and runs until it is told to stop (SIGTERM, SIGINT) or killed; what it has
// acknowledged is on the disk either way. SIGUSR1 makes it keep back the next append until another one arrives; it prints "withholding" then,
// and "withheld" when that append has come.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"pm/eventstore/esdb/esdbtest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "esdbserver:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	o, err := options(args)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	server, err := esdbtest.New(o)
	if err != nil {
		return err
	}
	withhold := make(chan os.Signal, 1)
	signal.Notify(withhold, syscall.SIGUSR1)
	fmt.Println(server.URL())
	for {
		select {
		case <-stop:
			return server.Stop()
		case <-withhold:
			come := server.Withhold()
			fmt.Println("withholding")
			go func() {
				<-come
				fmt.Println("withheld")
			}()
		}
	}
}

func options(args []string) (esdbtest.Options, error) {
	var o esdbtest.Options
	f := flag.NewFlagSet("esdbserver", flag.ContinueOnError)
	f.StringVar(&o.Dir, "dir", "", "folder of the streams")
	f.StringVar(&o.Listen, "listen", "", "HOST:PORT; empty is a free port of the loopback")
	f.IntVar(&o.MaxAppend, "max-append", 0, "bytes of one append; 0 is 1 MiB, negative is no limit")
	f.Uint64Var(&o.Seed, "seed", 1, "of the faults")
	f.IntVar(&o.LostPercent, "lost-percent", 0, "appends that are stored and never answered")
	f.IntVar(&o.LatePercent, "late-percent", 0, "appends that are stored and answered late")
	f.IntVar(&o.StoreLatePercent, "store-late-percent", 0, "appends that are stored when nobody waits any more")
	f.IntVar(&o.ResetPercent, "reset-percent", 0, "appends that are stored and then broken off")
	f.IntVar(&o.WrongPercent, "wrong-version-percent", 0, "appends that are answered with another expected version")
	f.IntVar(&o.NotLeaderPercent, "not-leader-percent", 0, "appends that are refused with the endpoint of the leader")
	f.StringVar(&o.Leader, "leader", "", "HOST:PORT of that leader; empty is this server")
	f.StringVar(&o.Follows, "follows", "", "HOST:PORT of the leader; this server is then a follower and refuses what is for the leader")
	f.IntVar(&o.DeniedPercent, "denied-percent", 0, "appends that are refused because the user may not write")
	f.IntVar(&o.ExpiredPercent, "deadline-percent", 0, "appends that end with the server's own deadline")
	f.IntVar(&o.DropPercent, "disconnect-percent", 0, "appends at which every connection is cut")
	f.IntVar(&o.CutPercent, "cut-percent", 0, "reads that break off in the middle")
	f.IntVar(&o.CutAfter, "cut-after", 0, "events that come before it; 0 is 100")
	f.IntVar(&o.SlowPercent, "slow-percent", 0, "reads that are slow")
	f.DurationVar(&o.SlowBy, "slow-by", 0, "how long each of their events takes; 0 is 5ms")
	f.IntVar(&o.BytesPerSecond, "bytes-per-second", 0, "speed of what each connection brings in; 0 is no limit")
	f.DurationVar(&o.LateBy, "late-by", 0, "how late late answers and late storing are; 0 is 700ms")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.Dir == "" {
		return o, fmt.Errorf("--dir names no folder")
	}
	return o, nil
}
