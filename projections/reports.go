package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Reports are the reports of earlier recoveries, one JSON file each, whose names sort by time. nil: none are kept.
type Reports struct{ dir fs.FS }

// NewReports reads them from a folder.
func NewReports(dir fs.FS) *Reports { return &Reports{dir} }

// KeptReport is a report under the name of its file.
type KeptReport struct {
	Name string `json:"name"`
	Report
}

const reportSuffix = ".json"

// List reads at most limit reports older than the one named before ("": all), newest first. next is the name of the last one if
// there are more.
func (r *Reports) List(before string, limit int) (reports []KeptReport, next string, err error) {
	reports = []KeptReport{}
	if r == nil {
		return reports, "", nil
	}
	entries, err := fs.ReadDir(r.dir, ".") // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("list the recovery reports: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		name, ok := strings.CutSuffix(e.Name(), reportSuffix)
		if !ok || strings.HasPrefix(name, ".") || before != "" && name >= before {
			continue
		}
		if len(reports) == limit {
			return reports, reports[limit-1].Name, nil
		}
		kept := KeptReport{Name: name}
		text, err := fs.ReadFile(r.dir, e.Name())
		if err == nil {
			err = json.Unmarshal(text, &kept.Report)
		}
		if err != nil {
			return nil, "", fmt.Errorf("read the recovery report %s: %w", e.Name(), err)
		}
		if kept.Divergences == nil { // of a release that compared nothing
			kept.Divergences = []Divergence{}
		}
		reports = append(reports, kept)
	}
	return reports, "", nil
}
