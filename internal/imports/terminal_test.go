package imports

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestEachTerminal: exactly the imports that became terminal since then, newest first.
func TestEachTerminal(t *testing.T) {
	s := server(t, nil)
	store := newOwnerStore(t)
	var ids []string
	for range 3 {
		j := store.createUploaded(t, s, Request{}, hello)
		ids = append(ids, j.ID)
		time.Sleep(2 * time.Millisecond) // ids of one millisecond have no order
	}
	for _, id := range ids[1:] {
		store.checkStatus(t, s, id, Completed)
	}
	check := func(doing string, oldest, since time.Time, want ...string) (last time.Time) {
		t.Helper()
		var got []string
		last, err := s.EachTerminal(t.Context(), store.owner, oldest, since,
			func(j Job, _ time.Time) error { got = append(got, j.ID); return nil })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", doing, got, err, want)
		}
		return last
	}
	last := check("all", time.Time{}, time.Time{}, ids[2], ids[1])
	if since := time.Since(last); since < -2*time.Second || since > time.Minute {
		t.Errorf("the last record was written at %s, want just now", last)
	}
	check("since a while from now", time.Time{}, last.Add(time.Minute))
	check("of those created lately", idTime(ids[2]), time.Time{}, ids[2])
	check("of none created lately", idTime(ids[2]).Add(time.Millisecond), time.Time{})
	store.checkStatus(t, s, ids[0], Completed)
	check("all, again", time.Time{}, last.Add(-time.Second), ids[2], ids[1], ids[0])

	enough := errors.New("enough")
	n := 0
	if _, err := s.EachTerminal(t.Context(), store.owner, time.Time{}, time.Time{},
		func(Job, time.Time) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("stopped by its caller: got %v after %d, want %v after 1", err, n, enough)
	}
}
