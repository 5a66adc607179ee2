package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxReports is how many recovery reports are kept, the newest ones: a service that is started over and over must not fill its disk.
const maxReports = 1000

// reportTime names a report's file; the names sort by time.
const reportTime = "20060102T150405.000000000Z"

// keepReport writes a report as <UTC time>.json. It is on the disk before the log names its digest.
func keepReport(dir string, at time.Time, report []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep the recovery report: %w", err)
	}
	name := filepath.Join(dir, at.UTC().Format(reportTime)+".json")
	if err := writeDurably(name, report); err != nil {
		return fmt.Errorf("keep the recovery report: %w", err)
	}
	return dropOldReports(dir)
}

// writeDurably makes the file whole or not at all.
func writeDurably(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there any more when all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return err
}

func dropOldReports(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return fmt.Errorf("list the recovery reports: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".json") })
	for len(entries) > maxReports {
		if err := os.Remove(filepath.Join(dir, entries[0].Name())); err != nil {
			return fmt.Errorf("drop an old recovery report: %w", err)
		}
		entries = entries[1:]
	}
	return nil
}
