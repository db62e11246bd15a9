package bucket

import "testing"

// TestHasETag: stores omit quotes in lists, or have no ETags, which confirm nothing.
func TestHasETag(t *testing.T) {
	for _, c := range []struct {
		listed, etag string
		want         bool
	}{
		{`"a"`, `"a"`, true}, {"a", `"a"`, true}, {`"a"`, "a", true}, {`"a"`, `"b"`, false},
		{"", `"a"`, false}, {`"a"`, "", false}, {"", "", false}, {`""`, "", false}, {"", `""`, false}, {`""`, `""`, false},
	} {
		if got := (ListedObject{ETag: c.listed}).HasETag(c.etag); got != c.want {
			t.Errorf("listed %s, compared with %s: got %t, want %t", c.listed, c.etag, got, c.want)
		}
	}
}
