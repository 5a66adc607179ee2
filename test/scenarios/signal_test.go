package scenarios

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pm/domain"
)

// signal sends what a chart sends: a JSON body, through the parser that the webhook uses.
func (w *world) signal(c command) error {
	body, err := w.body(c)
	if err != nil {
		return err
	}
	sub, _, problems := domain.ParseSignal(body, w.clock())
	if len(problems) > 0 {
		return fmt.Errorf("the body has a fault of form: %v", problems)
	}
	return w.take(crash(c.value["crash"]), domain.SubmitSignal{Submission: sub, Now: w.clock()})
}

// body writes the JSON object of a signal line.
func (w *world) body(c command) ([]byte, error) {
	at, err := w.stamp(c)
	if err != nil {
		return nil, err
	}
	m := map[string]any{"timestamp": at}
	for key, value := range c.value {
		if !slices.Contains([]string{"age", "ahead", "ts", "crash"}, key) {
			m[key] = value
		}
	}
	switch c.verb {
	case "signal":
		m["type"], m["instrument"] = c.word(0), c.word(1)
		orElse(m, "er", "1")
		orElse(m, "supertrend", m["stop"])
		orElse(m, "position", map[string]string{"BASE_ENTRY": "Long_1", "PYRAMID": "Long_2"}[c.word(0)])
	case "exit":
		m["type"], m["instrument"] = "EXIT", c.word(0)
		m["position"] = layers(c.word(1))
	case "bar":
		m["type"], m["instrument"], m["price"], m["atr"], m["supertrend"] = "MARKET_DATA", c.word(0), c.word(1), c.word(2), c.word(1)
	case "eod":
		eod(m, c)
	}
	return json.Marshal(m)
}

// layers writes ALL, one layer, or an array of them.
func layers(word string) any {
	if names := strings.Split(word, ","); len(names) > 1 {
		return names
	}
	return word
}

func orElse(m map[string]any, key string, value any) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}

func eod(m map[string]any, c command) {
	conditions := map[string]bool{}
	for _, name := range []string{"rsi_condition", "ema_condition", "dc_condition", "adx_condition", "er_condition", "st_condition", "not_doji",
		"long_entry", "long_exit"} {
		conditions[name] = c.value[name] == "true"
		delete(m, name)
	}
	price := c.value["price"]
	m["type"], m["instrument"], m["conditions"] = "EOD_MONITOR", c.word(0), conditions
	m["indicators"] = map[string]string{
		"rsi": "60", "ema": price, "dc_upper": price, "adx": "30", "er": c.value["er"], "supertrend": price, "atr": c.value["atr"],
	}
	delete(m, "er")
	delete(m, "atr")
}

// stamp is the signal's own time: now, so much older or so much ahead, or exactly as written.
func (w *world) stamp(c command) (string, error) {
	if ts, ok := c.value["ts"]; ok {
		return ts, nil
	}
	at := w.clock()
	for key, sign := range map[string]int{"age": -1, "ahead": 1} {
		text, ok := c.value[key]
		if !ok {
			continue
		}
		span, err := time.ParseDuration(text)
		if err != nil {
			return "", err
		}
		at = at.Add(time.Duration(sign) * span)
	}
	return at.Format(time.RFC3339Nano), nil
}
