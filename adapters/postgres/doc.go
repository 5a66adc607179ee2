// Package postgres keeps a snapshot (projections.Snapshot) in a PostgreSQL database, as tables that a person can query and a dashboard
// can read. Migrations make the tables; package tables declares them.
//
// # Where
//
// All names are looked up in the current schema of the connection, the first of its search_path: public if nothing else is said, or
// what ?search_path=pm in the URL says. Beside the schema, <schema>_next is what a rebuild makes and <schema>_previous what the last
// switch replaced; it is kept until the next switch. The user needs CREATE on the database for the two and on the schema for the first
// write. Tables and views that are not pm's stay where they are. Encryption is as the URL says (sslmode); where it says nothing a server
// elsewhere is asked for it first, and one on the loopback address only if it takes nobody without.
//
// # When it is not there
//
// Open does not connect. Each call connects if it must, within ConnectTimeout, and an idle connection that has died meanwhile is
// replaced without a word. Everything that another try may mend is ErrSnapshotUnavailable: no server, no permission, a shutdown, a full
// disk, a lock that others hold, a lost connection. A table or column that is not there is ErrSnapshotDamaged.
//
// # How it is read and written
//
// Bytes of a line are bytes of COPY, in both directions; what a store might render in its own way is pinned for each session (UTC, ISO
// dates). A read is one REPEATABLE READ transaction that first takes a lock on the table head. A switch takes the opposite lock on the
// same table before that of any other, so the two wait for each other and never meet halfway. A write locks the head row and compares it.
//
// # How the tables are made
//
// By the first write, in several transactions: the table of goose, then each migration. Until the first of them is noted, nothing was made,
// and until a head row stands there, nothing was written; the next write makes what is missing, so that a program which is killed in the
// middle leaves nothing to mend. Whoever makes tables, or must know that nobody does, holds an advisory lock; who reads takes no notice.
package postgres
