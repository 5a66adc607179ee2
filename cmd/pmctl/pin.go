package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pm/cmd/internal/durable"
	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/signature"
)

// asideSuffix is what a pin is called behind its name once a person has said that the older log is the right one.
const asideSuffix = ".aside"

// setPinAside takes the pinned head of a data folder out of the way of a log that is meant to be older than the pin, and gives the name
// under which it is kept; "" if nothing had to be done. A pin that the log holds stays where it is: it is no obstacle. So does one that
// cannot be read or that another key signed: that is another finding than an older log.
func setPinAside(ctx context.Context, log eventstore.Log, data string) (string, error) {
	pin, err := installation.TrustedPin(data, "")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if errors.Is(err, signature.ErrSignature) {
		return "", fmt.Errorf("the pinned head is left as it is: %w\nhint: %s", err, installation.PinHint(err, data, "--data "+data))
	}
	if err != nil {
		return "", err
	}
	var corrupt *eventstore.Corrupt
	if err := installation.CheckPin(ctx, log, pin.Statement); !errors.As(err, &corrupt) {
		return "", err
	}
	name := installation.PinFile(data)
	if err := os.Rename(name, name+asideSuffix); err != nil {
		return "", fmt.Errorf("set the pinned head aside: %w", err)
	}
	return name + asideSuffix, durable.SyncDir(filepath.Dir(name))
}
