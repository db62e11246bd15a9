package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// adoptChatter makes lines of log of what the local store writes to standard error, which it does by itself and in red, for such
// things as a client that went away. It lasts as long as the process: the store's goroutines use os.Stderr at any time.
func captureStderr(log *slog.Logger) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("local store: %w", err)
	}
	os.Stderr = write // log has the file that was there before
	go func() {
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			log.Warn("local store", "says", stripEscapes(line))
		}
	}()
	return nil
}

// withoutColors returns a line without its end and its escape sequences (ECMA-48, section 5.4).
func stripEscapes(line string) string {
	return strings.TrimRight(escapeSequences.ReplaceAllString(line, ""), "\r\n")
}

var escapeSequences = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")
