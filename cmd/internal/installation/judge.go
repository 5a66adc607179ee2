package installation

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"pm/eventstore/signature"
)

// ForeignPin says that a pin does not count as this installation's word: another key signed it, or the key that could tell is gone. It
// is a signature.ErrSignature. Whoever can write the folder can also write a pin of a head that suits them; only the key tells them apart.
type ForeignPin struct {
	File string
	By   signature.KeyID // who signed it
	Own  signature.KeyID // who was to have signed it; "" where nobody can say
}

// Error names both keys.
func (e *ForeignPin) Error() string {
	if e.Own == "" {
		return fmt.Sprintf("%s: the signature cannot be judged: key %s signed it, and there is no key of this installation to say whether that is its own", e.File, e.By)
	}
	return fmt.Sprintf("%s: %v: key %s signed it, this installation has %s", e.File, signature.ErrSignature, e.By, e.Own)
}

// Unwrap makes it a signature that does not hold: one that nobody can judge counts for as little.
func (e *ForeignPin) Unwrap() error { return signature.ErrSignature }

// TrustedPin reads the pin of a data folder and judges who signed it: trusted, or, where that is "", the key of this installation.
// fs.ErrNotExist says that there is no pin, signature.ErrSignature that it is damaged, *ForeignPin that it is somebody else's, or that
// the folder has no key to tell, and *Unusable that its key files cannot be used. Whoever holds a log against a pin begins here, and reads the log afterwards: it may go on growing.
func TrustedPin(data string, trusted signature.KeyID) (signature.Signed, error) {
	pin, err := ReadPin(data)
	if err != nil {
		return pin, err
	}
	if trusted == "" {
		if trusted, err = OwnID(data); err != nil {
			return signature.Signed{}, err
		}
	}
	if pin.KeyID != trusted {
		return signature.Signed{}, &ForeignPin{File: PinFile(data), By: pin.KeyID, Own: trusted}
	}
	return pin, nil
}

// OwnID is the id of the installation's key: that of the public half, or, where only that was lost, of the private one, as a start takes
// it. "" where there is neither. Where both can be read they have to be a pair: a stranger's public key beside a stranger's pin is none.
func OwnID(data string) (signature.KeyID, error) {
	public, err := ReadPublic(PublicFile(data))
	lost := errors.Is(err, fs.ErrNotExist)
	if err != nil && !lost {
		return "", err
	}
	key, err := Load(data)
	var unusable *Unusable
	switch {
	case err == nil:
		return key.ID(), nil
	case lost && errors.Is(err, ErrNoKey):
		return "", nil
	case lost, errors.As(err, &unusable) && unusable.File == PublicFile(data):
		return "", err
	}
	return signature.IDOf(public), nil // the private half is its owner's: whoever else looks goes by the public one
}

// PinHint says what to do about a pin that the log does not satisfy, that is damaged, or that is not this installation's. log is how pmctl
// is told the place of the log, like "--data DIR".
func PinHint(err error, data, log string) string {
	pin := PinFile(data)
	var foreign *ForeignPin
	switch {
	case errors.As(err, &foreign) && foreign.Own == "":
		return fmt.Sprintf("bring %s back from a backup, or check with `pmctl log verify %s --key ID` and the key id that you know; if there is none any more, "+
			"hold the log against an export and the broker's book, then remove %s knowingly", PublicFile(data), log, pin)
	case errors.As(err, &foreign):
		return fmt.Sprintf("the pin and keys/ are of two installations: bring back the one that belongs here, both stand in every backup of the folder; "+
			"if keys/ is right and nobody knows this pin, hold the log against an export and the broker's book, then remove %s knowingly", pin)
	case errors.Is(err, signature.ErrSignature):
		return fmt.Sprintf("the pin was damaged, or somebody changed it: bring it back from a backup; if the log is known to be whole (hold it against an export "+
			"and the broker's book), remove %s knowingly: the next start writes it anew", pin)
	}
	return fmt.Sprintf("do not trade on a log that lost its end: bring the right log back and look at it with `pmctl log verify %s`; if this log is the right one, "+
		"restored on purpose, hold the broker's book against it and remove %s", log, pin)
}

// CopyFolder is where the local copy of a log across the wire stands in a data folder.
func CopyFolder(data string) string { return filepath.Join(data, "copy") }

// CopyHint says what to do about a log across the wire whose local copy proves that it has lost its end. log is as with PinHint.
func CopyHint(dir, log string) string {
	return fmt.Sprintf("do not trade on a log that lost its end: bring the right log back into the event store (what was lost still stands in the copy: "+
		"`pmctl log export FILE --unsigned --eventstore sqlite://%s`) and look at it with `pmctl log verify %s`; if this log is the right one, restored on purpose, "+
		"hold the broker's book against it and remove %s", dir, log, dir)
}

// LogPlace is how pmctl is told the place of a log and the data folder whose pin it is held against: the address of a log across the wire,
// else its folder. A hint that left the folder out would lead past the pin.
func LogPlace(address, dir, data string) string {
	where := "--eventstore sqlite://" + dir
	switch {
	case address != "":
		where = "--eventstore '" + address + "'"
	case dir == filepath.Join(data, "log"):
		return "--data " + data
	}
	if data == "" {
		return where
	}
	return where + " --data " + data
}
