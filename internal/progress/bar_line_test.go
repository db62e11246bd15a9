package progress

import "testing"

func TestLine(t *testing.T) {
	f := &file{name: "holiday.mov"}
	f.size.Store(3 << 30)
	f.stored.Store(1 << 30)
	f.sending.Store(1 << 28)
	for _, c := range []struct {
		width int
		want  string
	}{
		{20, "…liday.mov   33 %"},
		{40, "…liday.mov  [======-           ]   33 %"},
		{60, "holiday.mov     [===      ]   33 %     80 MiB/s    26s left"},
		{80, "holiday.mov          [========--              ]   33 %     80 MiB/s    26s left"},
		{120, "holiday.mov                    [======--            ]   33 %     80 MiB/s   2 retries    26s left        1 GiB of 3 GiB"},
	} {
		if c.width == 120 {
			f.retries.Store(2)
		}
		if got := f.line(c.width, 80<<20); got != c.want {
			t.Errorf("%d columns: got\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
}
