package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/signpost-s3/signpost/internal/filewatch"
)

// AppendKey adds a line of NewKey to the file at path. It creates a missing file, readable only by its owner. It does
// not change a file with an invalid line, because a service would reject that file with the new line too.
func AppendKey(path, line string) error {
	before, err := filewatch.Read(path, maxKeysFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, err)
	}
	added := []byte(line + "\n")
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		added = append([]byte("\n"), added...)
	}
	if _, err := parseKeys(path, append(before, added...)); err != nil {
		return fmt.Errorf("%w\n%s: no key was added, because a service would reject the file", err, path)
	}
	if err := appendTo(path, added); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	after, err := filewatch.Read(path, maxKeysFile)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = parseKeys(path, after)
	return err
}

// appendTo adds text in one write, so that concurrent programs do not overwrite each other's lines.
func appendTo(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Unwrap(err)
	}
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("%w; its last line may be incomplete", errors.Unwrap(err))
	}
	return file.Close()
}
