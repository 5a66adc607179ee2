// Package apitest holds the HTTP API against the real parts: engine, log, paper broker and history run behind a listening server,
// and the tests speak to it as a chart, a script and a browser do. What a single handler does by itself is tested in api.
package apitest
