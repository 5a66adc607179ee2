// Command audit looks at what pm is made of: known vulnerabilities (govulncheck), the licence of every module against an allow list,
// and a bill of materials for a release.
//
//	go -C .tools run ./audit [-root ..] [-out dist/sbom.cdx.json] [-version V]
//
// It exits 1 for a finding: a vulnerability that the code reaches, a licence that is not allowed or not known. That the vulnerability
// database cannot be reached is said and is no finding; everything else that keeps govulncheck from answering is one.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

func main() {
	root := flag.String("root", "..", "folder of the module to look at")
	out := flag.String("out", filepath.Join("dist", "sbom.cdx.json"), "where the bill of materials goes, below root")
	version := flag.String("version", "unversioned", "version of the release")
	flag.Parse()
	if err := audit(*root, *out, *version); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

func audit(root, out, version string) error {
	modules, err := readModules(root)
	if err != nil {
		return err
	}
	refused := report(os.Stdout, modules)
	bill, err := billOf(modules, version)
	if err != nil {
		return err
	}
	name := filepath.Join(root, out)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, bill, 0o644); err != nil {
		return err
	}
	fmt.Printf("\nbill of materials: %s (CycloneDX %s)\n\n", out, specVersion)
	if err := vulnerabilities(root); err != nil {
		return err
	}
	if refused > 0 {
		return fmt.Errorf("%d licence(s) are not allowed: choose another library, or change the list in .tools/audit/licence.go with a reason", refused)
	}
	return nil
}

// report prints a line a module and counts the licences that are not allowed.
func report(w io.Writer, modules []module) (refused int) {
	fmt.Fprintf(w, "%-50s %-40s %-14s %s\n", "module", "version", "licence", "used")
	for _, m := range modules {
		used, mark := "shipped", ""
		if !m.Shipped {
			used = "tests"
		}
		if !m.allowed() {
			refused++
			mark = "  NOT ALLOWED"
		}
		fmt.Fprintf(w, "%-50s %-40s %-14s %s%s\n", m.Path, m.Version, m.Licence, used, mark)
	}
	return refused
}

// unreachable is how a missing network or database shows in govulncheck's words.
var unreachable = regexp.MustCompile(`fetching vulnerabilities: .*(no such host|connection refused|network is unreachable|i/o timeout|` +
	`TLS handshake timeout|deadline exceeded|proxyconnect|server misbehaving|unexpected status|403 Forbidden|50[0-9] )`)

// offline says whether govulncheck failed only because its database could not be had.
func offline(output []byte) bool { return unreachable.Match(output) }

func vulnerabilities(root string) error {
	cmd := exec.Command("go", "tool", "-modfile=.tools/go.mod", "govulncheck", "./...")
	cmd.Dir = root
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &said), io.MultiWriter(os.Stderr, &said)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case offline(said.Bytes()):
		fmt.Println("vulnerabilities: NOT CHECKED, the database cannot be reached from here; run make audit again where it can")
		return nil
	}
	return fmt.Errorf("govulncheck: %w", err)
}
