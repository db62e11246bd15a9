package localstore

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// occupied is package state because what it guards, the working directory, is the process's.
var processInUse atomic.Bool

// occupation is one store's hold on the process's working directory.
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

// leave changes back to where the process was and lets the next store start.
func (o *processLock) release() error {
	defer processInUse.Store(false)
	if err := os.Chdir(o.previousDir); err != nil {
		return fmt.Errorf("local store: return to the former working directory: %w", err)
	}
	return nil
}
