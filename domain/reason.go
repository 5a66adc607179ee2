package domain

// ReasonCode is the stable name of a rule that refused something.
type ReasonCode string
