// Package conformance holds every kind of log against the promises of the port in one table: memory, SQLite, EventStoreDB over the wire,
// and EventStoreDB with the local copy before it. A promise that is broken, and one that nobody tried where it can be tried, fails.
// It also moves a log from one kind to the next and wants the same bytes at the end.
package conformance
