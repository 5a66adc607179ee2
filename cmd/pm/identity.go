package main

import (
	"context"
	"errors"
	"fmt"

	"pm/cmd/internal/installation"
)

// codeInstallationKey is the halt for a key that cannot be used.
const codeInstallationKey = "INSTALLATION_KEY"

// loadKey takes the key of this installation into use; the first start makes it. It comes behind the lock of the log, so that one
// process at a time does this, and before anything is written that it has to sign. A log in memory leaves nothing to sign.
func (s *service) loadKey(context.Context) error {
	if s.cfg.EventStore.Memory {
		return nil
	}
	key, err := installation.LoadOrCreate(s.cfg.Data)
	if err == nil {
		s.key = key
		s.log.Info("this installation signs", "key_id", string(key.ID()))
		return nil
	}
	hint := "see whether the data folder can be written and its disk has room, then start again"
	var unusable *installation.Unusable
	if errors.As(err, &unusable) {
		hint = unusable.Hint
		err = fmt.Errorf("%s: %s", unusable.File, unusable.Reason)
	}
	return &halt{Code: codeInstallationKey, Err: fmt.Errorf("the key of this installation: %w", err), Hint: hint}
}
