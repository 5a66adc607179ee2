package esdb

import (
	"context"

	"pm/domain"
)

// MaxBusy is the limit of calls at the same time.
const MaxBusy = maxBusy

// OpenStream opens a log in a stream of another name, so that tests can share a real server.
func OpenStream(ctx context.Context, address string, p domain.PortfolioID, stream string, o Options) (*Log, error) {
	return open(ctx, address, p, stream, o, false)
}
