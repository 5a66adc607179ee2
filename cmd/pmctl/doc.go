// Command pmctl is the operator's tool of pm: it shows what the log holds and what the service says, says to the service what a person
// commands, sends signals, computes sizes and runs backtests.
//
// A read needs a source. --server URL asks a running service over HTTP. --data DIR or --eventstore URL reads the log itself:
// read only, checked record by record, also while pm runs. DIR is pm's data folder (its log is DIR/log) or a folder that holds the log
// itself. Without any of them, reads ask http://127.0.0.1:8080 (or PM_SERVER) and the verbs that need the log look into ./data.
//
// verify, snapshot, rebuild and migrate work on the log and the snapshot themselves. They look where the service of the same --config (or
// PM_CONFIG), PM_DATA, PM_EVENTSTORE_URL and PM_SNAPSHOT_URL has them, unless --data, --eventstore or --snapshot name others.
//
// A command (halt, reduce, resume, exit, withdraw, close-all, accept, capital, limits, format raise) needs --server and a token that may: --token or
// PM_TOKEN. It carries an id. Where no answer came, the error names the id: the same said again with --id is done once.
//
//	-o table    aligned columns for people, money with separators, times in exchange time (IST)
//	-o json     one document; decimals as they are in the log, times in UTC
//	-o ndjson   one line an item
//	-o yaml     the JSON document as YAML
//
// Exit codes: 0 fine; 1 a finding (the log does not verify, something differs); 2 usage, or it could not run; 3 refused by the
// service. What went wrong stands on stderr, in one line where one is enough.
package main
