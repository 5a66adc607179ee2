package esdb

import (
	"context"
	"time"

	"pm/domain"
)

// MaxBusy is the limit of calls at the same time.
const MaxBusy = maxBusy

// Scheme stands before every address that is dialed.
const Scheme = scheme

// Impatient waits for the server for d at most, whatever it is asked.
func Impatient(o Options, d time.Duration) Options {
	o.patience = &patience{connect: d, read: d, stall: d, confirm: d}
	return o
}

// OpenStream opens a log in a stream of another name, so that tests can share a real server.
func OpenStream(ctx context.Context, address string, p domain.PortfolioID, stream string, o Options) (*Log, error) {
	return open(ctx, address, p, stream, o, false)
}
