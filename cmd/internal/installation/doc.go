// Package installation is the identity of one installation of pm: an Ed25519 key in its data folder.
//
//	DIR/keys/installation.key   the private key (PKCS #8, PEM), for its owner alone
//	DIR/keys/installation.pub   the public key (PKIX, PEM), for whoever is to check signatures
//
// pm makes it at its first start (LoadOrCreate) and signs what it hands out as evidence: recovery reports, exports, head pins.
// pmctl reads it (Load) and makes none. Both are ordinary key files: `openssl pkey -in installation.key -text` shows them.
//
// A key is never replaced by this package. A private key that others can read, a file that is torn or is something else, a public key
// without its private one, and a pinned head without any key are *Unusable, with what to do: a new key in silence would look like
// somebody else's signature later.
//
// The pinned head (head.pin) stands beside the keys. TrustedPin reads it and judges who signed it, CheckPin holds a log against it, and
// PinHint says what to do; pm and pmctl ask the same three.
package installation
