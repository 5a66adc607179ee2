// Package signature says who vouches for a file: an Ed25519 signature in a side file of its own (form pm-sig/1).
//
//	key, err := signature.NewKey(private)
//	text, err := key.Sign(signature.OfLog("main", head))      // what goes into FILE.sig
//	signed, err := signature.Parse(text)                      // whole, of one form, and signed by the key that stands in it
//	signed.Statement == signature.OfLog("main", head).By(id)  // does it speak of this log?
//	signed.KeyID == trusted                                   // is it the key of somebody we know?
//
// The side file is one line in the canonical form of the log:
//
//	{"signed":{"format":"pm-sig/1","of":"pm-log/1",...,"key_id":"..."},"public_key":"<64 hex>","signature":"<128 hex>"}
//
// The signature covers the bytes of the member "signed", as they stand there. Of an export it names the portfolio and the head, which
// the hash chain ties to every byte before; of any other file it names the length and the SHA-256. A key id is the first 16
// bytes of the SHA-256 of the public key, in hex.
//
// Parse alone proves that nothing was changed since somebody signed, not who did: whoever changes a file can sign it again with a
// key of his own. Only a key id that came another way proves the origin.
package signature
