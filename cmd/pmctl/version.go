package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
)

// versionCommand says which build this is and which logs it can read.
func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "the build and the log format that it knows", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			doc := struct {
				Version string `json:"version"`
				Format  string `json:"log_format"`
				Newest  int    `json:"newest_format"`
				Events  int    `json:"event_types"`
				Go      string `json:"go"`
			}{version, eventstore.ExportFormat, eventstore.Format, len(domain.EventTypes), runtime.Version()}
			return c.show(doc, nil, func(t *table) {
				t.title = fmt.Sprintf("pmctl %s (log format %s, %d event types, %s)", doc.Version, doc.Format, doc.Events, doc.Go)
			})
		},
	}
}
