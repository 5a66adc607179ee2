// Package recovery tells the stories of a start: the real pm on a real PostgreSQL, killed, started again, its snapshot changed by hand,
// its database stopped, its log put back, its build older or newer than its tables. Each story is what a person at the keyboard would
// do and see: HTTP, the last lines on the screen, the files of the data folder.
//
// The same changes by hand are made for every column of every table: against projections.Recover for all of them, and against the
// program for some (all with PM_E2E=full).
package recovery
