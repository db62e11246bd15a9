package bucket

import (
	"testing"

	"github.com/google/uuid"
)

// TestOpenUploads checks that only open uploads below the prefix are listed, up to the limit.
func TestOpenUploads(t *testing.T) {
	b := open(t)
	prefix := "imports/o-" + uuid.NewString() + "/"
	expect := func(what, prefix string, atMost, want int) {
		t.Helper()
		if got, _, err := b.ListUploads(t.Context(), prefix, Multipart{}, atMost); len(got) != want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", what, len(got), err, want)
		}
	}
	expect("none begun", prefix, 1000, 0)
	var uploads []Multipart
	for _, name := range []string{"a", "b", "c"} {
		id, err := b.CreateMultipart(t.Context(), Upload{Key: prefix + name})
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, Multipart{Key: prefix + name, UploadID: id})
	}
	expect("three begun", prefix, 1000, 3)
	expect("exactly as many as are listed", prefix, 3, 3)
	expect("one more than are listed", prefix, 2, 2)
	expect("elsewhere", prefix+"x/", 1000, 0)
	for i, m := range uploads {
		if err := b.AbortMultipart(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		expect("aborted", prefix, 1000, 2-i)
	}
}
