// Package damage is the damage campaign: it takes a stored log of 200 events and changes it in every way that storage is known to
// change things, and looks at what a reader makes of each.
//
//   - every bit of the stored bytes flipped, one at a time, and the bytes cut at every length;
//   - records swapped, doubled, dropped, replaced by another log's, and replaced by forged ones whose hashes and links are right.
//
// Each case ends in one of four ways. Detected: the reader stopped with a code that operators know. Harmless: the reader gave back every
// record byte for byte. Mended: the same, and the store said that it fetched again what was damaged. Silent: the reader was content
// with something else; there must be none.
//
// The stores: an export file, read as pmctl log verify FILE does; the file of the embedded log, opened by a reader and by a start; its
// write-ahead log as a kill leaves it; the local copy of a remote log, which is the one that mends.
//
// A log that lost its end at a record boundary is sound by itself, so each store is read as it is in use: the embedded log with the head
// that pm pins beside it, an export with its signature. The figures say how many cases only these two found.
//
// The short form, part of `make test`, takes a fixed stride through the bits. `make damage` (PM_DAMAGE=full) does all of them. A new
// store joins by a Store value and a line in the test.
package damage
