package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// script knows nothing of the service but its OpenAPI document: addresses, methods, parameters and members of bodies are looked up
// there, and a member that an answer has and the document has not fails the test.
type script struct {
	*rig
	doc node
}

// node is a JSON object, read by name.
type node map[string]any

func (n node) in(name string) node {
	child, _ := n[name].(map[string]any)
	return child
}

func newScript(t *testing.T, r *rig) *script {
	t.Helper()
	s := &script{rig: r}
	require.NoError(t, json.Unmarshal([]byte(r.get("/api/v1/openapi.json", as("vic")...).body), &s.doc))
	return s
}

// resolve follows a reference within the document.
func (s *script) resolve(schema node) node {
	ref, _ := schema["$ref"].(string)
	if ref == "" {
		return schema
	}
	found := s.doc
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		found = found.in(part)
	}
	require.NotEmpty(s.t, found, ref)
	return found
}

// find looks an operation up by its id.
func (s *script) find(id string) (method, path string, op node) {
	for path, item := range s.doc.in("paths") {
		for method, operation := range item.(map[string]any) {
			if op := node(operation.(map[string]any)); op["operationId"] == id {
				return strings.ToUpper(method), path, op
			}
		}
	}
	s.t.Fatalf("the document has no operation %s", id)
	return "", "", nil
}

// declared holds the arguments against the parameters of an operation and gives the address.
func (s *script) declared(path string, op node, args map[string]string) string {
	query := url.Values{}
	for name, value := range args {
		where := ""
		for _, p := range op["parameters"].([]any) {
			if parameter := node(p.(map[string]any)); parameter["name"] == name {
				where, _ = parameter["in"].(string)
			}
		}
		switch where {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
		case "query":
			query.Set(name, value)
		default:
			s.t.Fatalf("%s takes no %s", op["operationId"], name)
		}
	}
	require.NotContains(s.t, path, "{")
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// call does an operation as the holder of a token and reads its answer.
func (s *script) call(who, id string, args map[string]string, body node) node {
	s.t.Helper()
	method, path, op := s.find(id)
	text := ""
	if body != nil {
		schema := s.resolve(op.in("requestBody").in("content").in("application/json").in("schema"))
		s.known(id+" takes", schema, body)
		for _, name := range required(schema) {
			require.Contains(s.t, body, name, "%s wants it", id)
		}
		raw, err := json.Marshal(body)
		require.NoError(s.t, err)
		text = string(raw)
	}
	a := s.do(method, s.declared(path, op, args), text, as(who)...)
	require.Equal(s.t, http.StatusOK, a.status, "%s: %s", id, a.body)
	var out node
	require.NoError(s.t, json.Unmarshal([]byte(a.body), &out))
	schema := s.resolve(op.in("responses").in("200").in("content").in("application/json").in("schema"))
	s.known(id+" answers", schema, out)
	for _, name := range required(schema) {
		require.Contains(s.t, out, name, "%s promises it", id)
	}
	return out
}

// known wants every member of a value to stand in its schema, at every depth that the schema describes.
func (s *script) known(what string, schema node, value any) {
	s.t.Helper()
	schema = s.resolve(schema)
	switch v := value.(type) {
	case node:
		s.known(what, schema, map[string]any(v))
	case map[string]any:
		properties := schema.in("properties")
		for name, member := range v {
			if properties == nil || schema["additionalProperties"] != nil && properties[name] == nil && schema["additionalProperties"] != false {
				continue // a map: any name
			}
			require.Contains(s.t, properties, name, what)
			s.known(what+" "+name, properties.in(name), member)
		}
	case []any:
		for _, item := range v {
			s.known(what, schema.in("items"), item)
		}
	}
}

func required(schema node) (names []string) {
	list, _ := schema["required"].([]any)
	for _, name := range list {
		names = append(names, name.(string))
	}
	return names
}

// signal sends a signal and waits until its orders have come to rest.
func (s *script) signal(kind string, more node) node {
	s.t.Helper()
	body := node{"type": kind, "instrument": "BANK_NIFTY", "timestamp": time.Now().UTC().Format(time.RFC3339Nano)}
	for name, value := range more {
		body[name] = value
	}
	out := s.call("vic", "post_webhook", nil, body)
	s.rest()
	return out
}

func (s *script) entry(layer, price, stop int) node {
	return node{"position": fmt.Sprintf("Long_%d", layer), "price": price, "stop": stop, "atr": 200, "er": 1, "supertrend": stop}
}

func (s *script) bar(price int) {
	s.signal("MARKET_DATA", node{"price": price, "atr": 200, "supertrend": price - 500})
}

func (s *script) rest() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return len(s.call("vic", "get_orders", map[string]string{"status": "open"}, nil)["orders"].([]any)) == 0
	}, 5*time.Second, 5*time.Millisecond, "orders stay open")
}

func (n node) decimal(name string) domain.Decimal { return domain.D(fmt.Sprint(n[name])) }

func TestAScriptThatKnowsOnlyTheDocumentDrivesAWholeCampaign(t *testing.T) {
	s := newScript(t, start(t, staffed))
	require.Equal(t, "accepted", s.signal("BASE_ENTRY", s.entry(1, 50000, 49800))["status"])
	s.bar(50900)
	require.Equal(t, "accepted", s.signal("PYRAMID", s.entry(2, 50900, 50700))["status"])
	short := s.signal("PYRAMID", s.entry(3, 51100, 50900))
	require.Equal(t, "rejected", short["status"], "the margin is used up")
	s.call("ada", "post_limits", nil, node{"id": "l1", "max_margin_percent": "90"})
	require.Equal(t, "90", s.call("vic", "get_limits", nil, nil).in("limits")["risk.max_margin_percent"])
	require.Equal(t, "accepted", s.signal("PYRAMID", s.entry(3, 51200, 51000))["status"])
	s.bar(51500)

	s.call("olga", "post_positions_by_id_exit", map[string]string{"id": "BANK_NIFTY-1-Long_2"}, node{"id": "e1", "reason": "by hand"})
	s.rest()
	s.bar(51400)
	plan := s.call("olga", "post_close_all", nil, node{"id": "c1", "reason": "the day is over", "dry_run": true})
	done := s.call("olga", "post_close_all", nil, node{"id": "c2", "reason": "the day is over"})
	require.Equal(t, plan["exits"], done["exits"])
	s.rest()
	s.addUp(map[string]float64{"BANK_NIFTY-1-Long_1": 8, "BANK_NIFTY-1-Long_2": 3, "BANK_NIFTY-1-Long_3": 2})
	require.Contains(t, s.call("vic", "get_explain_by_id", map[string]string{"id": fmt.Sprint(short["signal_id"])}, nil)["text"], "margin")
}

// addUp asks why for each lot and holds the figures explained against the trades and the portfolio.
func (s *script) addUp(lots map[string]float64) {
	trades := s.call("vic", "get_trades", nil, nil)["trades"].([]any)
	require.Len(s.t, trades, len(lots))
	var gross, fees domain.Decimal
	for _, row := range trades {
		p := node(row.(map[string]any))
		id := fmt.Sprint(p["position_id"])
		x := s.call("vic", "get_explain_by_id", map[string]string{"id": id}, nil)
		money := x.in("money")
		require.InDelta(s.t, lots[id], money["lots_sold"], 0, id)
		units := domain.D(fmt.Sprint(lots[id])).Mul(money.decimal("point_value"))
		require.True(s.t, money.decimal("exit_price").Sub(money.decimal("entry_price")).Mul(units).Equal(money.decimal("gross")), "%s: %v", id, money)
		require.True(s.t, money.decimal("gross").Equal(p.decimal("realized_pnl")), id)
		bought := 0.0
		for _, fill := range x["fills"].([]any) {
			if f := node(fill.(map[string]any)); f["side"] == "BUY" {
				bought += f["lots"].(float64)
			}
		}
		require.InDelta(s.t, lots[id], bought, 0, "the fills of %s", id)
		gross, fees = gross.Add(money.decimal("gross")), fees.Add(money.decimal("fees"))
	}
	book := s.call("vic", "get_portfolio", nil, nil)
	require.True(s.t, gross.Equal(book.decimal("realized_pnl")), "%s", gross)
	require.True(s.t, domain.D("5000000").Add(gross).Sub(fees).Equal(book.in("equity").decimal("closed")))
	require.Empty(s.t, s.call("vic", "get_positions", map[string]string{"status": "open"}, nil)["positions"])
}
