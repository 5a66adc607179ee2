// Package programs runs pm and pmctl as an operator does: built from this source once for each test program, started on a folder, a
// configuration file and an address of their own, spoken to over HTTP, stopped, killed, started again.
//
//	func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }
//
//	s := programs.NewSite(t, "e2e", "portfolio:\n  initial_capital: 5000000\n")
//	s.Start()
//	s.Signal(programs.Base, "BANK_NIFTY", "52000", "51650", "350", "51650")
//	s.Quiet()
//	s.Kill()
//	s.Start()
//
// A site's process is gone when its test ends, however it ends; a test that failed shows what the process said last. Everything waits
// for something that is looked for all the time, within StartWithin and StopWithin, and for no time of its own. Only tests import it.
package programs
