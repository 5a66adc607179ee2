// Package config reads what a person sets: the only code that knows where a setting comes from.
//
// Four sources, a later one wins: the embedded defaults.yaml, the file of --config, PM_... environment variables, flags. A key like
// risk.sizing_equity is the variable PM_RISK_SIZING_EQUITY; an attribute of an instrument is PM_INSTRUMENTS_BANK_NIFTY_MARGIN_PER_LOT.
// Lists in a variable or a flag are separated by commas. An empty variable counts as not set.
//
// Load answers with every problem at once: each names its source (file and line, variable or flag), what is wrong, and what to write
// instead. A Problem with Warning set does not stop a start.
//
// Numbers keep the digits that the person wrote: the file is read as text, so no value passes through a float. Instruments are rows of
// the table: `like` copies what a row leaves out from another row; a value may change by date ({"2025-04-25": 35}). In a later source
// a plain value replaces the whole of an attribute, dates are added to it, and `always` in such a map is the value before all dates.
//
// Config.Decision is the complete flat map that decisions read (domain.ParseSettings): it goes into the log. Config.Print shows the
// effective settings with the source of each, secrets redacted; its output is a valid file.
package config
