// Package web holds what browsers are given: the template of the status page and its style sheet, part of the binary. Nothing of
// it is fetched from elsewhere and there is no script.
package web

import "embed"

// Files are status.html, a html/template, and style.css.
//
//go:embed status.html style.css
var Files embed.FS
