package receiver

import (
	"fmt"
	"testing"
)

func TestRecentIDs(t *testing.T) {
	var r recentIDs
	const added = 2*maxRecentIDs + 1
	for n := range added {
		r.add(fmt.Sprint(n))
	}
	for id, want := range map[int]bool{
		0: false, maxRecentIDs - 1: false, added - maxRecentIDs: true, added - 1: true, added: false,
	} {
		if got := r.has(fmt.Sprint(id)); got != want {
			t.Errorf("has(%d) after %d ids: got %t, want %t", id, added, got, want)
		}
	}
	if kept := len(r.newer) + len(r.older); kept > 2*maxRecentIDs {
		t.Errorf("kept %d ids, want at most %d", kept, 2*maxRecentIDs)
	}
}
