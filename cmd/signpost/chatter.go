package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// adoptChatter makes lines of log of what the local store writes to standard error, which it does by itself and in red, for such
// things as a client that went away. It lasts as long as the process: the store's goroutines use os.Stderr at any time.
func adoptChatter(log *slog.Logger) error {
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
			log.Warn("local store", "says", strings.Trim(line, "\x1b[031m\n"))
		}
	}()
	return nil
}
