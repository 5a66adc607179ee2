// Package tables says what a snapshot holds: which tables, which columns, and the rows that a log folds into. It is the one place
// where a projection meets its columns; the stores below (PostgreSQL, SQLite) write and read what it hands them and know no meaning.
//
// A row is a line: its columns in declared order, separated by tabs, in the text form of PostgreSQL's COPY. What is written is what
// is read is what is hashed, so two rows are the same exactly when their lines are. See line.go for the form of each kind.
//
// There are two classes of table:
//
//   - State: what is true at one revision (positions, layers, the portfolio's sums). A row comes, changes and goes. Compared row by
//     row and column by column.
//   - History: what was once true (signals, fills, ended orders, trades). Rows are only added, each under the revision that made it.
//     Compared by a SHA-256 over all lines in order, which the fold carries along.
//
// Fold makes both from recorded events. Version says which tables this build knows; it rises with each migration. FoldVersion rises
// whenever a row would come out differently, so that a snapshot of an older build is made anew instead of being called wrong.
package tables
