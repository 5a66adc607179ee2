package config

import (
	"maps"
	"slices"
	"strings"
)

const (
	envPrefix           = "PM_"
	instrumentEnvPrefix = "PM_INSTRUMENTS_"
)

// otherVariables begin with PM_ and are read by somebody else: pmctl, the tests, and main itself.
var otherVariables = []string{"PM_CONFIG", "PM_SERVER", "PM_TOKEN", "PM_E2E"}

const testVariables = "PM_TEST_"

// EnvName is the variable of a key: risk.sizing_equity is PM_RISK_SIZING_EQUITY.
func EnvName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// readEnv takes the variables, NAME=value each, that name a setting; the others that begin with PM_ are warned of.
func readEnv(env []string) *layer {
	l := newLayer()
	known := map[string]string{}
	for _, s := range settings {
		known[EnvName(s.key)] = s.key
	}
	for _, variable := range slices.Sorted(slices.Values(env)) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" || slices.Contains(otherVariables, name) || strings.HasPrefix(name, testVariables) {
			continue
		}
		key, ok := known[name]
		if !ok {
			key, ok = instrumentVariable(name)
		}
		if ok {
			l.put(key, value, "variable "+name)
			continue
		}
		l.problems = append(l.problems, Problem{
			Source: "variable " + name, Warning: true, Text: "names no setting" + didYouMean(name, slices.Sorted(maps.Keys(known))),
		})
	}
	return l
}

// instrumentVariable reads PM_INSTRUMENTS_<NAME>_<ATTRIBUTE>; both may hold underscores, so the attribute is looked for at the end.
func instrumentVariable(name string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(name, instrumentEnvPrefix)
	if !ok {
		return "", false
	}
	for _, a := range attributes {
		if row, found := strings.CutSuffix(rest, "_"+strings.ToUpper(a.key)); found && instrumentName.MatchString(row) {
			return instrumentSection + "." + row + "." + a.key, true
		}
	}
	return "", false
}

// readFlags takes the flags of the command line, by the key that each sets.
func readFlags(flags map[string]string) *layer {
	l := newLayer()
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		l.put(key, flags[key], "flag --"+key)
	}
	return l
}
