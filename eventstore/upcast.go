package eventstore

import "pm/domain"

// upcast turns the data of an older form into the present event. It must accept every byte string that was ever written in
// that form, and nothing else; it never touches the stored bytes, so hashes stay.
type upcast func(data []byte) (domain.Event, error)

// upcasts holds every form that is no longer written. To retire a form:
//
//  1. keep the old struct under a name with its version, and decode into it with canon.Decode;
//  2. build the present event from it, filling what the old one did not say with what was then true;
//  3. enter it here, keep the old golden under testdata/wire, add one of the new form;
//  4. raise Format, so that the new form is written only after an operator recorded FormatRaised.
//
// An entry is never deleted: a log is read from revision 0 for as long as it exists.
var upcasts = map[form]upcast{}
