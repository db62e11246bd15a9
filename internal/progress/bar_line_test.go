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
		{19, "…liday.mov   33 %"},
		{39, "…liday.mov  [======-           ]   33 %"},
		{59, "holiday.mov     [===      ]   33 %     80 MiB/s    26s left"},
		{79, "holiday.mov          [========--              ]   33 %     80 MiB/s    26s left"},
		{119, "holiday.mov                    [======--            ]   33 %     80 MiB/s   2 retries    26s left        1 GiB of 3 GiB"},
	} {
		if c.width == 119 {
			f.retries.Store(2)
		}
		if got := f.line(c.width, 80<<20); got != c.want {
			t.Errorf("%d columns: got\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
}
