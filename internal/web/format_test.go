package web_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/web"
)

// TestFormatBytes: the web UI and the CLI give the same text for the same size, in the table of package format and for
// random sizes.
func TestFormatBytes(t *testing.T) {
	table, err := os.ReadFile(filepath.Join(directory, "../format/testdata/bytes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	want := map[int64]string{}
	for line := range strings.Lines(string(table)) {
		number, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		size, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sizes, want[size] = append(sizes, size), text
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		size := random.Int64N(1 << (1 + random.IntN(53))) // JavaScript's integers have 53 bits
		sizes, want[size] = append(sizes, size), format.Bytes(size)
	}
	script := fmt.Sprintf(`import("/page/format.js").then(({ formatBytes }) => %s.map(formatBytes))`,
		strings.ReplaceAll(fmt.Sprint(sizes), " ", ","))
	got := evaluate[[]string](t, start(t, web.UI{}, nil).browse(t), script)
	for i, size := range sizes {
		if got[i] != want[size] {
			t.Errorf("%d bytes: got %s, want %s", size, got[i], want[size])
		}
	}
}
