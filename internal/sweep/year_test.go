package sweep

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// sweepCalls returns the calls of a function's sweep that finds n completed imports of one owner at each age, more than
// 1,000 imports lying between the ages: lists, and writes of the lease.
func sweepCalls(n int) (lists, puts int) {
	pages := inspections * (n/s3limits.MaxListed + 1) // the last page shows that the period ends
	saves := pages * (1 + s3limits.MaxListed/listedInStep) / s3limits.MaxListed
	return 1 + pages + 1, 1 + saves + 1 + 1 // owners, imports, uploads; acquired, progress, result, released
}

// TestYear counts the calls of a sweep at some imports in ten minutes, and computes from them, and from the calls that
// TestCost counts, the year at 50 imports a second that cmd/lambda/README.md describes.
func TestYear(t *testing.T) {
	w := newCluster(t)
	s := w.server(nil)
	s.Outbox = nil
	started := w.Now()
	if err := s.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	const n = 1100
	for _, age := range s.ages() {
		// After n imports of ten minutes, there are 1,050 that have not reached the age, and are older than the age before.
		w.finished(owner, 1050, started.Add(30*time.Minute-age), time.Second, false)
		w.finished(owner, n, started.Add(10*time.Minute-age), 600*time.Second/(n+1), false)
	}
	w.Advance(10 * time.Minute)
	s.wire.TakeCalls()
	if err := s.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	lists, puts := sweepCalls(n)
	// Amazon S3 needs no second list of uploads. One GET finds that a sweep is due, and one takes the lease.
	want := fmt.Sprintf("GetObject 2, ListMultipartUploads 2, ListObjectsV2 %d, PutObject %d", lists-1, puts)
	if got := s.wire.TakeCalls(); got != want {
		t.Errorf("sweep of %d imports at each age: got %s, want %s", n, got, want)
	}

	const (
		year       = 365 * 24 * time.Hour
		a          = 50 * int(year/time.Second) // imports
		sweeps     = int(year / sweepEvery)
		put, get   = 0.005 / 1000, 0.0004 / 1000 // dollars, also LIST and HEAD
		gibMonth   = 0.023
		recordDays = 90 // RecordDays
		recordSize = 4096
	)
	lists, puts = sweepCalls(50 * int(sweepEvery/time.Second))
	kept := 50 * recordDays * 24 * 3600
	stored := float64(kept) * recordSize / (1 << 30)
	rows := []struct {
		what    string
		figure  string
		dollars float64
	}{
		{"PUT of clients, and two of records", millions(3 * a), put * 3 * float64(a)},
		{"GET and HEAD of notifications and reads", millions(4 * a), get * 4 * float64(a)},
		{"LIST of sweeps", millions(sweeps * lists), put * float64(sweeps*lists)},
		{"PUT of sweeps", millions(sweeps * puts), put * float64(sweeps*puts)},
		{fmt.Sprintf("records of %d days", recordDays), thousands(stored) + " GiB", stored * gibMonth * 12},
	}
	readme, err := os.ReadFile("../../cmd/lambda/README.md")
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, r := range rows {
		total += math.Round(r.dollars)
		line := fmt.Sprintf("| %s | %s | %s |", r.what, r.figure, thousands(r.dollars))
		if !strings.Contains(string(readme), line+"\n") {
			t.Errorf("cmd/lambda/README.md lacks the line\n%s", line)
		}
	}
	if line := fmt.Sprintf("| total | | %s |", thousands(total)); !strings.Contains(string(readme), line+"\n") {
		t.Errorf("cmd/lambda/README.md lacks the line\n%s", line)
	}
}

// millions returns n as a number of millions, such as 4,730.
func millions(n int) string {
	if n < 10_000_000 {
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	}
	return thousands(float64(n)/1e6) + " million"
}

var group = regexp.MustCompile(`(\d)(\d{3})$`)

// thousands returns x without decimals and with a comma, such as 4,730.
func thousands(x float64) string {
	return group.ReplaceAllString(strconv.Itoa(int(math.Round(x))), "$1,$2")
}
