package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// undocumented are routes that are no part of the API: /metrics is read by Prometheus, in its own format.
var undocumented = []string{"GET /metrics"}

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	var routed, written []string
	for _, r := range New(Options{}).handler.(*echo.Echo).Routes() {
		if name := r.Method + " " + templated(r.Path); r.Method != http.MethodHead && !slices.Contains(undocumented, name) {
			routed = append(routed, name)
		}
	}
	for _, o := range operations(&schemas{named: object{}}) {
		written = append(written, o.method+" "+templated(o.path))
	}
	slices.Sort(routed)
	slices.Sort(written)
	require.Equal(t, routed, written)
}
