package projections

// ring keeps the newest rows under their numbers. Numbers run from 0 in the order of the log, so that a number means the same
// row after every restart.
type ring[T any] struct {
	limit int
	rows  []T
	next  uint64 // the number of the next row
}

// add puts a row in. Once the ring is full, the oldest leaves and is given back.
func (r *ring[T]) add(row T) (left T, full bool) {
	at := int(r.next % uint64(r.limit))
	r.next++
	if len(r.rows) < r.limit {
		r.rows = append(r.rows, row)
		return left, false
	}
	left, r.rows[at] = r.rows[at], row
	return left, true
}

// oldest is the number of the oldest row that is kept.
func (r *ring[T]) oldest() uint64 { return r.next - uint64(len(r.rows)) }

// at gives the row with a number, nil if it is not kept (any more).
func (r *ring[T]) at(n uint64) *T {
	if n >= r.next || n < r.oldest() {
		return nil
	}
	return &r.rows[n%uint64(r.limit)]
}

// page gives at most limit wanted rows older than before, newest first, and the number to go on before: nil once no wanted row
// is left. before = nil begins with the newest.
func (r *ring[T]) page(before *uint64, limit int, wanted func(*T) bool) (rows []T, next *uint64) {
	rows = []T{}
	n := r.next
	if before != nil {
		n = min(n, *before)
	}
	for last := n; n > r.oldest(); {
		n--
		row := r.at(n)
		if !wanted(row) {
			continue
		}
		if len(rows) == limit {
			return rows, &last
		}
		rows, last = append(rows, *row), n
	}
	return rows, nil
}
