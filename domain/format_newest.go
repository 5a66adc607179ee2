//go:build !olderformat

package domain

const formatsBehind = 0
