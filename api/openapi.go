package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"pm/domain"
	"pm/projections"
)

// operation is one method of one path of the document. A test holds the list against the routes, both ways.
type operation struct {
	method, path string // as the router writes it: /positions/:id
	role         Role
	summary      string
	query        []string // names in parameters
	body         object   // schema of the request, nil for none
	answer       object   // schema of a 200
	kind         string   // media type of the answer, "" for JSON
}

// document builds the OpenAPI document once.
var document = sync.OnceValue(func() []byte {
	s := &schemas{named: object{}}
	paths := object{}
	for _, o := range operations(s) {
		path := templated(o.path)
		item, _ := paths[path].(object)
		if item == nil {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(o.method)] = o.object(s)
	}
	s.of(reflect.TypeFor[errorBody]())
	out, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "pm", "version": "1",
			"description": "Signals in, portfolio out. Money and prices are decimals in strings, times are RFC 3339 in UTC. Every answer carries the revision of the log that it was read at.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas":         s.named,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "a token of api.tokens"}},
		},
	}, "", " ")
	if err != nil {
		panic("the OpenAPI document cannot be written: " + err.Error()) // it holds texts and maps only
	}
	return append(out, '\n')
})

// openapi answers the document.
func (s *Server) openapi(c echo.Context) error {
	return answerBytes(c, http.StatusOK, echo.MIMEApplicationJSON, document())
}

var pathParameter = regexp.MustCompile(`:(\w+)`)

// templated writes a path of the router as the document has it.
func templated(path string) string { return pathParameter.ReplaceAllString(path, "{$1}") }

func (o operation) object(s *schemas) object {
	kind := o.kind
	if kind == "" {
		kind = echo.MIMEApplicationJSON
	}
	ok := object{"description": "done", "content": object{kind: object{"schema": o.answer}}}
	failure := object{"description": "why not; 401 no or a wrong token, 403 too low a role, 409 a rule, 503 nothing was recorded, 504 send the same again", "content": object{
		echo.MIMEApplicationJSON: object{"schema": s.of(reflect.TypeFor[errorBody]())},
	}}
	out := object{
		"summary": o.summary, "operationId": operationID(o), "parameters": o.parameters(), "responses": object{"200": ok, "default": failure},
	}
	if o.role > Nobody {
		out["security"], out["x-role"] = []any{object{"token": []any{}}}, o.role.String()
	}
	if o.body != nil {
		out["requestBody"] = object{"required": true, "content": object{echo.MIMEApplicationJSON: object{"schema": o.body}}}
	}
	return out
}

func operationID(o operation) string {
	path := strings.NewReplacer("/api/v1/", "", "/", "_", ":", "by_", "-", "_", ".", "_").Replace(o.path)
	return strings.ToLower(o.method) + "_" + strings.Trim(path, "_")
}

func (o operation) parameters() []any {
	out := []any{}
	for _, found := range pathParameter.FindAllStringSubmatch(o.path, -1) {
		out = append(out, object{"name": found[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, name := range o.query {
		p := parameters[name]
		p["name"], p["in"] = name, "query"
		if name == lastEventID {
			p["in"] = "header"
		}
		out = append(out, p)
	}
	return out
}

// parameters of the reads.
var parameters = map[string]object{
	"limit":      {"description": "rows at most", "schema": object{"type": "integer", "minimum": 1, "maximum": MaxLimit, "default": DefaultLimit}},
	"next":       {"description": cursorForm, "schema": object{"type": "string"}},
	"instrument": {"description": "only of this instrument", "schema": object{"type": "string"}},
	"status":     {"description": "positions: open, closed, all; orders: open, done, all; signals: accepted, rejected", "schema": object{"type": "string"}},
	"type":       {"description": "only signals of this type", "schema": object{"type": "string"}},
	"from":       {"description": "the first revision", "schema": object{"type": "integer", "minimum": 0}},
	"at":         {"description": "a revision or a time: the state as it was then; a time without a fraction counts to the end of its second", "schema": object{"type": "string"}},
	lastEventID:  {"description": "the id of the last event that the reader has", "schema": object{"type": "integer", "minimum": 0}},
}

// fields is the schema of a command's body.
func fields(required []string, properties object) object {
	properties["id"] = object{"type": "string", "maxLength": MaxCommandID, "description": "yours; the same command with the same id is done once"}
	return object{"type": "object", "required": required, "properties": properties, "additionalProperties": false}
}

func reasonField() object {
	return object{"type": "string", "minLength": 1, "maxLength": MaxReason, "description": "kept in the log"}
}

// operations are all of them.
func operations(s *schemas) []operation {
	out := []operation{
		{method: "POST", path: "/webhook", summary: "takes one signal", body: signalSchema(), answer: s.of(reflect.TypeFor[signalAnswer]())},
		{method: "GET", path: "/livez", summary: "whether the process answers", answer: s.of(reflect.TypeFor[health]())},
		{method: "GET", path: "/readyz", summary: "whether signals are taken", answer: s.of(reflect.TypeFor[health]())},
		{method: "GET", path: "/", role: Viewer, summary: "the status page", answer: object{"type": "string"}, kind: "text/html"},
		{method: "GET", path: "/static/style.css", summary: "its style", answer: object{"type": "string"}, kind: "text/css"},
	}
	out = append(out, readOperations(s)...)
	return append(out, commandOperations(s)...)
}

func readOperations(s *schemas) []operation {
	read := func(path, summary string, answer object, query ...string) operation {
		return operation{method: "GET", path: "/api/v1/" + path, role: Viewer, summary: summary, query: query, answer: answer}
	}
	recovery := s.list("reports", projections.KeptReport{})
	//nolint:forcetypeassert // list has just made it
	recovery["properties"].(object)["last"] = object{"anyOf": []any{s.of(reflect.TypeFor[projections.KeptReport]()), object{"type": "null"}}}
	words := object{"type": "object", "additionalProperties": object{"type": "string"}}
	stream := read("events/stream", "events as they are recorded, as server-sent events", object{"type": "string"}, "from", lastEventID)
	stream.kind = "text/event-stream"
	open := read("openapi.json", "this document", object{"type": "object"})
	return []operation{
		read("portfolio", "equity, risk, volatility, margin, trading state", s.of(reflect.TypeFor[projections.Portfolio]())),
		read("positions", "positions", s.list("positions", projections.Position{}), "status", "instrument", "limit", "next"),
		read("positions/:id", "one position", s.one("position", projections.Position{})),
		read("pyramids", "open campaigns with their layers", s.list("pyramids", projections.Pyramid{}), "limit", "next"),
		read("orders", "orders, newest first", s.list("orders", projections.Order{}), "status", "instrument", "limit", "next"),
		read("orders/:id", "one order", s.one("order", projections.Order{})),
		read("signals", "signals with what became of them, newest first", s.list("signals", projections.Signal{}), "status", "type", "instrument", "limit", "next"),
		read("signals/:id", "one signal", s.one("signal", projections.Signal{})),
		read("trades", "closed positions with their money, the latest closed first", s.list("trades", projections.Position{}), "instrument", "limit", "next"),
		read("events", "the log, oldest first", s.list("events", projections.Event{}), "from", "limit"),
		stream,
		read("state", "the whole state, now or as it was", object{
			"type": "object", "required": []string{"revision", "digest", "state"}, "properties": object{
				"revision": object{"type": "integer", "minimum": -1}, "digest": object{"type": "string", "pattern": "^[0-9a-f]{64}$"}, "state": object{"type": "object"},
			},
		}, "at"),
		read("explain/:id", "why: of a signal, an order, a position or an exit by its id, an order by its tag, or whatever stands at a revision", s.of(reflect.TypeFor[projections.Explanation]())),
		read("limits", "the limits in force, and those of the configuration", object{
			"type": "object", "required": []string{"limits", "configured", "revision"},
			"properties": object{"limits": words, "configured": words, "revision": revisionSchema()},
		}),
		read("format", "the log's format and the newest that this build knows", s.of(reflect.TypeFor[formatAnswer]())),
		read("instances", "who runs", s.list("instances", instance{}), "limit"),
		read("recovery", "what the recoveries found, the latest first", recovery, "limit", "next"),
		open,
	}
}

func commandOperations(s *schemas) []operation {
	done := s.of(reflect.TypeFor[commandAnswer]())
	command := func(path string, role Role, summary string, body object) operation {
		return operation{method: "POST", path: "/api/v1/" + path, role: role, summary: summary, body: body, answer: done}
	}
	because := func() object { return fields([]string{"reason"}, object{"reason": reasonField()}) }
	closing := because()
	//nolint:forcetypeassert // fields has just made it
	closing["properties"].(object)["dry_run"] = object{"type": "boolean", "description": "say what would be sold and record nothing"}
	limits := fields(nil, object{})
	delete(limits, "required")
	limits["additionalProperties"] = object{"type": []string{"string", "number", "boolean"}, "description": "a limit by its name, like base_risk_percent"}
	return []operation{
		command("halt", Operator, "nothing is sent any more but a person's own exits", because()),
		command("reduce", Operator, "no entries; exits and stops go on", because()),
		command("resume", Operator, "trade again", because()),
		command("positions/:id/exit", Operator, "sell one position", because()),
		command("exits/:id/withdraw", Operator, "end an exit that stands", because()),
		command("close-all", Operator, "sell everything", closing),
		command("differences/:id/accept", Operator, "a difference from the broker's book is known and harmless", because()),
		command("capital", Admin, "deposit or withdraw", fields([]string{"id", "type", "amount"}, object{
			"type": object{"enum": []string{"deposit", "withdraw"}}, "amount": object{"type": []string{"string", "number"}, "description": "rupees, above zero"},
			"note": object{"type": "string", "maxLength": MaxReason},
		})),
		command("limits", Admin, "change some of the limits", limits),
		command("format/raise", Admin, "let the log be written in a newer format, once every instance runs a build that knows it; there is no way back",
			fields([]string{"to"}, object{"to": object{"type": "integer", "minimum": 1, "description": "the format that the log shall have"}})),
	}
}

// signalSchema is what a sender has to know; the rules of each type stand in the guide to signals.
func signalSchema() object {
	number := object{"type": []string{"string", "number"}}
	return object{
		"type": "object", "required": []string{"type", "instrument"}, "properties": object{
			"type":       object{"enum": []any{domain.BaseEntry, domain.Pyramid, domain.Exit, domain.MarketData, domain.EODMonitor}},
			"instrument": object{"type": "string"}, "timestamp": object{"type": "string"},
			"position": object{"description": "Long_1 to Long_6; of an exit also a list of them, or ALL"},
			"price":    number, "stop": number, "atr": number, "er": number, "supertrend": number, "lots": number, "roc": number,
			"id":     object{"type": "string", "description": "yours; the same signal with the same id is taken once"},
			"secret": object{"type": "string", "description": "of the webhook, if not in the Authorization header"},
		},
	}
}
