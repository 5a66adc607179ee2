// Package esdbtest is a server that speaks EventStoreDB's wire protocol well enough to test the adapter of pm/eventstore/esdb, and that
// fails on command. It ships to nobody and is no database to keep anything in: no cluster, no users beyond one, no scavenging, no
// projections, no $all.
//
// It is built on the client library's own generated stubs and keeps its streams in one SQLite file, so that what it has acknowledged
// survives a kill of its process. What it does as the real server does: expected revisions, with the same answer to the same ids
// (idempotency), stream metadata ($maxCount, $maxAge, $tb), soft deletion and tombstones, reads in both directions, subscriptions,
// leader redirection, basic authentication over TLS, the size limit of an append, and the trailers that its errors carry.
//
//	server := esdbtest.Start(t, esdbtest.Options{})     // in this process, on a free loopback port
//	server.FailAppends(esdbtest.LoseAnswer)             // the next append is stored and never answered
//	log, err := esdb.Open(ctx, server.URL(), "main", esdb.Options{})
//
// test/esdbserver runs the same server as a process of its own.
package esdbtest
