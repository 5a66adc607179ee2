package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pm/cmd/internal/config"
)

// loadConfig reads the built-in defaults, a file and flags. The environment is left out: the same command must give the same answer on
// every machine. The error lists every problem.
func loadConfig(file string, flags map[string]string) (*config.Config, error) {
	return loadSources(config.Sources{File: file, Flags: flags})
}

// loadSources reads the built-in defaults and what else is named.
func loadSources(from config.Sources) (*config.Config, error) {
	conf, problems := config.Load(from)
	if conf != nil {
		return conf, nil
	}
	lines := make([]string, 0, len(problems))
	for _, p := range problems {
		if !p.Warning {
			lines = append(lines, "  "+p.String())
		}
	}
	return nil, errors.New("the configuration has problems:\n" + strings.Join(lines, "\n"))
}

// instrumentsIn names the instruments of a flat set of settings.
func instrumentsIn(settings map[string]string) []string {
	names := map[string]bool{}
	for key := range settings {
		if rest, ok := strings.CutPrefix(key, "instruments."); ok {
			name, _, _ := strings.Cut(rest, ".")
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// setPointValue replaces every point value of an instrument, dated ones too, in a flat set of settings.
func setPointValue(settings map[string]string, instrument, value string) error {
	prefix, known := "instruments."+instrument+".", false
	for key := range settings {
		rest, ok := strings.CutPrefix(key, prefix)
		known = known || ok
		if ok && (rest == "point_value" || strings.HasPrefix(rest, "point_value@")) {
			delete(settings, key)
		}
	}
	if !known {
		return fmt.Errorf("--point-value: instrument %s is not in the configuration", instrument)
	}
	settings[prefix+"point_value"] = value
	return nil
}
