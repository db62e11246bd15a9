package main

import (
	"strings"
	"sync"
)

// output collects what a process writes. Tests can wait for text in it.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	grew chan struct{} // closed by the next write
}

func newOutput() *output { return &output{grew: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.grew)
	o.grew = make(chan struct{})
	return o.text.Write(b)
}

func (o *output) read() (text string, grew <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.grew
}

func (o *output) String() string {
	text, _ := o.read()
	return text
}
