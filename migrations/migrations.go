// Package migrations holds the SQL that makes the tables of a PostgreSQL snapshot, one numbered file a schema version, for goose.
//
// To add one: write the next file (00NN_name.sql, Up and Down, names without a schema), declare the tables in projections/tables with
// that number as Since, and raise the version there. A file that was released is never changed: what it made stands in people's
// databases. Rules of the files: no foreign keys, no CHECK, no enumerations (ADR 0015).
package migrations

import "embed"

// Files are the migrations in the order of their numbers.
//
//go:embed *.sql
var Files embed.FS
