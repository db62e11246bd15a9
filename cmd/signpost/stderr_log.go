package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// captureStderr logs what the local store's library prints to standard error, in red, for example when a client
// disconnects. It is never undone, because the library's goroutines use os.Stderr at any time.
func captureStderr(log *slog.Logger) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("local store: %w", err)
	}
	os.Stderr = write // log keeps the previous file
	go func() {
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			log.Warn("local store message", "text", stripEscapes(line))
		}
	}()
	return nil
}

// stripEscapes returns a line without its line break and escape sequences (ECMA-48, section 5.4).
func stripEscapes(line string) string {
	return strings.TrimRight(escapeSequences.ReplaceAllString(line, ""), "\r\n")
}

var escapeSequences = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")
