package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// AppendKey adds a line that NewKey made to the file at path, or makes the file, which only its owner can read then. It leaves a file
// alone in which a line is wrong: a service would not take the new one either.
func AppendKey(path, line string) error {
	before, err := readKeysFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, err)
	}
	added := []byte(line + "\n")
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		added = append([]byte("\n"), added...)
	}
	if _, err := parseKeys(path, append(before, added...)); err != nil {
		return fmt.Errorf("%w\n%s: nothing is added to a file that a service would not take", err, path)
	}
	if err := appendTo(path, added); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	after, err := readKeysFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = parseKeys(path, after)
	return err
}

// appendTo adds text in one write, so that of two programs that do so neither undoes what the other did.
func appendTo(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Unwrap(err)
	}
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("%w; its last line may be cut off now", errors.Unwrap(err))
	}
	return file.Close()
}
