package localstore

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// occupied is package state because what it guards, the working directory, is the process's.
var occupied atomic.Bool

// occupation is one store's hold on the process's working directory.
type occupation struct{ was string }

func occupy() (*occupation, error) {
	if !occupied.CompareAndSwap(false, true) {
		return nil, errors.New("local store: one already runs in this process; close it first")
	}
	was, err := os.Getwd()
	if err != nil {
		occupied.Store(false)
		return nil, fmt.Errorf("local store: working directory: %w", err)
	}
	return &occupation{was: was}, nil
}

// leave changes back to where the process was and lets the next store start.
func (o *occupation) leave() error {
	defer occupied.Store(false)
	if err := os.Chdir(o.was); err != nil {
		return fmt.Errorf("local store: return to the former working directory: %w", err)
	}
	return nil
}
