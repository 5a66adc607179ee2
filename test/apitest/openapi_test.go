package apitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"pm/api"
)

// document is the OpenAPI document as a service answers it, read by a library that knows the standard.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/api/v1/openapi.json", nil)
	if err != nil {
		return nil, err
	}
	req.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	api.New(api.Options{}).Handler().ServeHTTP(w, req)
	return openapi3.NewLoader().LoadFromData(w.Body.Bytes())
})

// documented finds the operation of a request, nil for a path that the document does not have.
func documented(doc *openapi3.T, method, path string) (string, *openapi3.Operation) {
	path, _, _ = strings.Cut(path, "?")
	for _, template := range slices.Backward(doc.Paths.InMatchingOrder()) { // the fixed ones before those with parameters
		shape := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		if item := doc.Paths.Value(template); item.GetOperation(method) != nil && regexp.MustCompile("^"+shape+"$").MatchString(path) {
			if !strings.Contains(template, "{") || !fixed(doc, path) {
				return template, item.GetOperation(method)
			}
		}
	}
	return "", nil
}

func fixed(doc *openapi3.T, path string) bool { return doc.Paths.Value(path) != nil }

// conforms holds an answer against the document: every answer that any test of this package gets goes through here.
func conforms(t *testing.T, method, path string, a reply) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Errorf("the document cannot be read: %v", err)
		return
	}
	_, op := documented(doc, method, path)
	if op == nil || a.status == 0 {
		return
	}
	response := op.Responses.Default().Value
	if a.status == http.StatusOK || path == "/readyz" || path == "/livez" {
		response = op.Responses.Value("200").Value
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if kind == "application/x-ndjson" || path == "/" {
		return // the lines are the events of the JSON form; the page is for people
	}
	media := response.Content.Get(kind)
	if media == nil {
		t.Errorf("%s %s: %d %s is not in the document", method, path, a.status, kind)
		return
	}
	if kind != "application/json" {
		return
	}
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	if err := media.Schema.Value.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
		t.Errorf("%s %s: %d is not as documented: %v", method, path, a.status, err)
	}
}

func TestTheDocumentIsOneThatTheStandardKnows(t *testing.T) {
	doc, err := document()
	require.NoError(t, err)
	require.Equal(t, "3.1.0", doc.OpenAPI)
	require.NoError(t, doc.Validate(t.Context()))
}

func TestTheDocumentNamesTheRoleOfEveryGuardedRoute(t *testing.T) {
	doc, err := document()
	require.NoError(t, err)
	var tested []string
	for _, at := range guardedRoutes {
		template, op := documented(doc, at.method, at.path)
		require.NotNil(t, op, "%s %s", at.method, at.path)
		require.Equal(t, at.role.String(), op.Extensions["x-role"], "%s %s", at.method, at.path)
		tested = append(tested, at.method+" "+template)
	}
	for template, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if _, guarded := op.Extensions["x-role"]; guarded {
				require.Contains(t, tested, method+" "+template, "every guarded route stands in the table of roles")
			}
		}
	}
}

func TestAnAnswerThatIsNotAsDocumentedIsFound(t *testing.T) {
	other := &testing.T{}
	conforms(other, "GET", "/api/v1/portfolio", reply{status: 200, header: http.Header{"Content-Type": {"application/json"}}, body: `{"revision":"x"}`, t: t})
	require.True(t, other.Failed())
	right := &testing.T{}
	r := start(t)
	conforms(right, "GET", "/api/v1/portfolio", r.get("/api/v1/portfolio"))
	require.False(t, right.Failed())
}
