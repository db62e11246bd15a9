package localstore

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// processInUse is package state because the working directory is the process's.
var processInUse atomic.Bool

// processLock is a store's exclusive use of the process's working directory.
type processLock struct{ previousDir string }

func lockProcess() (*processLock, error) {
	if !processInUse.CompareAndSwap(false, true) {
		return nil, errors.New("local store: one already runs in this process; close it first")
	}
	was, err := os.Getwd()
	if err != nil {
		processInUse.Store(false)
		return nil, fmt.Errorf("local store: working directory: %w", err)
	}
	return &processLock{previousDir: was}, nil
}

// release restores the working directory and permits the next store to start.
func (o *processLock) release() error {
	defer processInUse.Store(false)
	if err := os.Chdir(o.previousDir); err != nil {
		return fmt.Errorf("local store: return to the former working directory: %w", err)
	}
	return nil
}
