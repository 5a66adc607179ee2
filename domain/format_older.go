//go:build olderformat

package domain

// formatsBehind makes this source a build of the format before, for the tests of a rolling upgrade: what it does not know it refuses
// as an older release would.
const formatsBehind = 1
