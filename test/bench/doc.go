// Package bench measures what a trader waits for, each figure beside its limit in the same run, so that a slow disk or a busy machine
// shows in both and the ratio still means something:
//
//	BenchmarkAppendSingle   one caller, one signal at a time, through the engine into the durable log; beside a bare 4 KiB write and
//	                        fdatasync, and beside the log alone
//	BenchmarkAppend64       64 callers at once; beside 64 times the single one and beside the log alone with full batches
//	BenchmarkRecovery       1,000,000 events of a realistic mix, chain verified, folded into a state; beside a bare sequential file of
//	                        the same bytes through the same verify, decode and apply
//
// Run them with make bench. The table is printed at the end; docs/BENCHMARKS.md keeps the figures of a release and says how to read them.
//
// PM_BENCH_EVENTS sets another number of events, PM_BENCH_PROFILE=FILE writes a CPU profile of the recovery alone.
//
// The history of the recovery is not invented record by record: a seeded market of random walks sends signals to the real engine, with
// the real domain and the paper broker, in lockstep; whatever they decide is the history.
package bench
