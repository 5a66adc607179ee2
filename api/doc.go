// Package api is the only code that speaks HTTP. Signals come in at /webhook; what people and scripts read goes out under
// /api/v1, at /, /livez and /readyz. It knows the engine as two functions (Deps.Submit, Deps.Query) and decides nothing.
//
// Life of a Server: New, then Handler is served at once: health answers from the first second and everything else says
// `recovering`. Activate hands over the running parts and opens the webhook. SetStatus says `stopping` or `crashed` later on.
//
// # The webhook
//
// An answer in the 200s means that the signal, or the one that it repeats, is durable. 503 means that nothing was recorded, with Retry-After. 504
// means that nobody knows: the sender sends the same bytes again and a duplicate is recognized. Every other answer means that
// the same bytes will never be taken. An unexpected error of Submit counts as 504, the safe one.
//
// Who may send: with secrets configured, whoever names one of them in the body's member `secret` or as Authorization: Bearer;
// without, everybody, and therefore the configuration then allows a loopback address only. Even there a page in a browser on
// the same machine could post: requests that a browser marks as coming from another site, and names of this host
// that are not loopback's, are refused. Every refusal is the same 401.
//
// A peer that keeps being refused (FailureBurst at once, then one each FailureRefill) is answered 503 before anything is parsed,
// unless it names a secret in the header: a sender that shares its address with strangers, as behind a proxy, should do that.
//
// # Roles
//
// A token (Options.Tokens) has a name and a role: a viewer reads, an operator also halts, resumes and exits, an admin also moves
// capital, changes limits and raises the log's format. It comes as Authorization: Bearer; for reads also as the password of HTTP basic authentication
// (any user name), so that a browser can ask for it. No token or a wrong one is the 401 above, too low a role a 403. The name of
// the token is the actor: it stands as `by` in the event.
//
// Without tokens: if there are secrets of the webhook, each of them reads and nobody commands; if there are none either, whoever
// asks on this machine, and not through a proxy, is the actor "local" and may do everything. /livez and /readyz answer everybody,
// and then say less.
//
// # Commands
//
// POST with Content-Type: application/json, one object of at most MaxBody bytes; every member that is not known is refused. `id`
// makes a command repeatable: sent again within the memory of the state (7 days) it does nothing and is answered with the first
// one's revision and "repeated": true. Where money moves it must be sent, elsewhere one is made up. The answer comes when the
// command is durable. 409 carries the code of the rule that refused it, or id_conflict for an id of another command.
//
// # Reads
//
// Every read carries `revision`: what it was read at. A read sees at least everything that was answered before it was asked.
// Lists are newest first; `limit` is 1 to MaxLimit, and `next`, if it is not null, is passed back as the parameter `next` (of events:
// as `from`). /api/v1/state is one line, {"revision","digest","state"}: the very bytes that `pmctl replay --state` prints for the
// same revision. Signals, done orders and closed positions come from projections.History, which keeps all of
// them in a file of its own. A History that has stopped makes those reads answer 503 and nothing else.
//
// /api/v1/state?at= folds the log up to a revision or a time, one request at a time and beside the writer. /api/v1/events/stream sends
// events as they are recorded, as server-sent events whose id is the revision: a reader that comes back with Last-Event-ID
// misses nothing and sees nothing twice. At most MaxStreams are open.
//
// At most MaxReaders reads look at the state at a time: the writer serves them between two signals.
package api
