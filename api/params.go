package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"pm/domain"
)

// badParam says what to send instead.
func badParam(name, message string) *failure {
	return &failure{status: http.StatusBadRequest, code: codeInvalid, field: name, message: name + ": " + message}
}

// limitParam is how many rows are wanted.
func limitParam(c echo.Context) (int, error) {
	text := c.QueryParam("limit")
	if text == "" {
		return DefaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxLimit {
		return 0, badParam("limit", fmt.Sprintf("send a whole number from 1 to %d, or leave it out for %d", MaxLimit, DefaultLimit))
	}
	return n, nil
}

// numberParam reads a revision or a cursor; nil if it was not sent.
func numberParam(c echo.Context, name, what string) (*uint64, error) {
	text := c.QueryParam(name)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return nil, badParam(name, "send "+what)
	}
	return &n, nil
}

// wordParam reads one of some words.
func wordParam(c echo.Context, name, standard string, words ...string) (string, error) {
	text := c.QueryParam(name)
	if text == "" {
		return standard, nil
	}
	if !slices.Contains(words, text) {
		return "", badParam(name, "send one of "+strings.Join(words, ", "))
	}
	return text, nil
}

// instrumentParam reads an instrument in any case; "" wants all.
func instrumentParam(c echo.Context) (string, error) {
	text := c.QueryParam("instrument")
	if text == "" {
		return "", nil
	}
	name, ok := domain.ParseInstrument(text)
	if !ok {
		return "", badParam("instrument", "send a name of 1 to 40 of A-Z, 0-9, _, & and -, for example BANK_NIFTY")
	}
	return name, nil
}

const cursorForm = "the value of next in the answer before, or leave it out for the newest rows"

// listParams reads what all lists that come from the history share.
func listParams(c echo.Context) (limit int, before *uint64, instrument string, err error) {
	if limit, err = limitParam(c); err != nil {
		return 0, nil, "", err
	}
	if before, err = numberParam(c, "next", cursorForm); err != nil {
		return 0, nil, "", err
	}
	instrument, err = instrumentParam(c)
	return limit, before, instrument, err
}
