package format

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestBytes uses testdata/bytes.txt, which the test of the web UI uses too.
func TestBytes(t *testing.T) {
	table, err := os.ReadFile("testdata/bytes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		size, want, _ := strings.Cut(strings.TrimSpace(line), "\t")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
