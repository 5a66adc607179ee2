package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pm/cmd/internal/durable"
	"pm/cmd/internal/installation"
	"pm/eventstore/signature"
)

// maxReports is how many recovery reports are kept, the newest ones: a service that is started over and over must not fill its disk.
const maxReports = 1000

// reportTime names a report's file; the names sort by time.
const reportTime = "20060102T150405.000000000Z"

// reportSuffix is what the name of a report ends in; its signature stands beside it.
const reportSuffix = ".json"

// keepReport writes a report as <UTC time>.json and its signature as <UTC time>.json.sig, and gives the name of the first. Both are on the disk
// before the log names the report's digest. The signature comes first, so that a crash between the two never leaves a report without one.
func keepReport(dir string, at time.Time, report []byte, key *signature.Key) (name string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep the recovery report: %w", err)
	}
	name = filepath.Join(dir, at.UTC().Format(reportTime)+reportSuffix)
	if err := installation.SignFile(key, name, signature.OfFile(signature.OfReport, report)); err != nil {
		return "", fmt.Errorf("keep the recovery report: %w", err)
	}
	if err := durable.Write(name, report); err != nil {
		return "", fmt.Errorf("keep the recovery report: %w", err)
	}
	return name, dropOldReports(dir)
}

// dropReport takes a report back, and last its signature.
func (s *service) dropReport(name string) {
	for _, name := range []string{name, name + signature.Suffix} {
		if err := os.Remove(name); err != nil {
			s.log.Warn("a report of a recovery that was gone beyond stays", "error", err)
		}
	}
}

// dropOldReports keeps the newest reports, and no signature without its report.
func dropOldReports(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return fmt.Errorf("list the recovery reports: %w", err)
	}
	var reports []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), reportSuffix) {
			reports = append(reports, e.Name())
		}
	}
	kept := map[string]bool{}
	for _, name := range reports[max(0, len(reports)-maxReports):] {
		kept[name], kept[name+signature.Suffix] = true, true
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), signature.Suffix)
		if kept[e.Name()] || !strings.HasSuffix(name, reportSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("drop an old recovery report: %w", err)
		}
	}
	return nil
}
