package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one library in use.
type module struct {
	Path, Version string
	Licence       string // SPDX identifier, "" if it was not recognized
	SHA256        string // hex, of go.sum's h1 hash of the module's tree
	Shipped       bool   // in the programs, not only in tests
}

// readModules lists the modules that the programs and the tests are built from, by path.
func readModules(root string) ([]module, error) {
	shipped, err := listed(root, "./cmd/...")
	if err != nil {
		return nil, err
	}
	all, err := listed(root, "-test", "./...")
	if err != nil {
		return nil, err
	}
	sums, err := readSums(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	var out []module
	for key, dir := range all {
		path, version, _ := strings.Cut(key, " ")
		licence, err := licenceIn(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		_, ships := shipped[key]
		out = append(out, module{Path: path, Version: version, Licence: licence, SHA256: sums[key], Shipped: ships})
	}
	slices.SortFunc(out, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// listed gives the folder of each module in use, by path and version.
func listed(root string, args ...string) (map[string]string, error) {
	const row = `{{with .Module}}{{if not .Main}}{{with .Replace}}{{.Path}} {{.Version}}|{{.Dir}}{{else}}{{.Path}} {{.Version}}|{{.Dir}}{{end}}{{end}}{{end}}`
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", row}, args...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the modules: %w", err)
	}
	out := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if key, dir, ok := strings.Cut(lines.Text(), "|"); ok {
			out[key] = dir
		}
	}
	return out, nil
}

// readSums gives the tree hashes of go.sum in hex, by path and version.
func readSums(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 || strings.HasSuffix(f[1], "/go.mod") {
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[2], "h1:"))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, f[0], err)
		}
		out[f[0]+" "+f[1]] = hex.EncodeToString(sum)
	}
	return out, nil
}
