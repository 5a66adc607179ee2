// Package localcopy puts a SQLite copy of the stream before a log that is far away, so that a start does not fetch years of events again.
//
//	log, err := localcopy.Open(ctx, filepath.Join(data, "copy"), instance, remote, localcopy.Options{})
//
// The remote log stays the truth: appends go to it and are durable when it says so, the head is its head, and an error of it is an error
// here. The copy is an opinion that is checked:
//
//   - At the start its last record is held against the remote's record at that revision. If they differ the copy is discarded.
//   - A copy that is longer than the remote log, has that log's last record, and goes on from there with its chain unbroken, is evidence: it
//     was only ever filled from committed events, so the remote log has lost some. That is *LostEnd, at the start and of every reading,
//     and the copy stays as it is. One that is longer and does not continue the remote log proves nothing, and is discarded.
//   - Whatever is read from it is checked first: bytes against hash, hash against the record after, up to the last one, which is the
//     remote's. A record that fails discards the copy, and the reading goes on from the remote.
//   - A reader's own finding about a record is believed once the record was held against the remote's: Recheck.
//   - Only what the copy lacks is fetched. Before it is kept, its bytes are held against its hash and its hash against the record before; what
//     else can be wrong with a record is the remote log's, and the reader's verifier finds it in either. A copy that was cut off at its end,
//     as by a power cut, is sound and just has more to fetch: it does not wait for the disk.
//
// A copy that is discarded is never mended or merged. Its folder stays beside the new one as <dir>.discarded, the last one only, a
// warning names the reason, and Options.OnDiscard is told. A copy that cannot be written (a full disk) or a remote whose records do not
// verify leaves the log without a copy: everything then goes to the remote as it is, which is slower and no less right.
//
// Readers that follow share one connection: it feeds the copy, and they wait at the copy.
package localcopy
