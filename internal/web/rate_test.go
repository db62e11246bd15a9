package web_test

import (
	"fmt"
	"testing"

	"github.com/signpost-s3/signpost/internal/web"
)

// rateScript returns the least and the greatest rate of a transfer whose parts of 8 MiB arrive together every 6.4 s,
// after five of them, when an upload was removed, and when the line was stalled for a minute.
const rateScript = `(async () => {
	const { Rate } = await import("/page/rate.js");
	const rate = new Rate(), part = 8 << 20, together = %d, rates = [];
	let now = 1000, moved = 3 * part;
	const first = rate.update(moved, now);
	for (let n = 0; n < 10; n++) {
		for (const end = now + 6400; now < end; now += 150) {
			const value = rate.update(moved, now);
			if (n >= 5) rates.push(value);
		}
		moved += together * part;
		rate.update(moved, now += 10);
	}
	const before = rate.update(moved, now);
	const removed = rate.update(part, now += 600);
	const stalled = rate.update(part, now + 60000);
	return [first, Math.min(...rates), Math.max(...rates), removed - before, stalled];
})()`

// TestRate: parts that the store receives rarely, alone or four together, give a rate within 25 %, as in the CLI. It
// falls when the line is stalled, and does not change when an upload is removed.
func TestRate(t *testing.T) {
	tab := start(t, web.UI{}, nil).browse(t)
	for _, together := range []float64{1, 4} {
		got := evaluate[[]float64](t, tab, fmt.Sprintf(rateScript, int(together)))
		want := together * (8 << 20) / 6.41
		if got[0] != 0 || got[1] < 0.75*want || got[2] > 1.25*want || got[3] != 0 || got[4] > want/2 {
			t.Errorf("%v parts together: got rates %.0f, want 0 at first, about %.0f, no change, less than half", together, got,
				want)
		}
	}
}
