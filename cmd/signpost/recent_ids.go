package main

// maxRecent is how many ids are remembered: more than come to a laptop while the service may still send one again.
const maxRecentIDs = 10_000

// recent is the ids that were added last.
type recentIDs struct {
	known map[string]bool
	order []string // a ring, once it is full
	next  int      // where the oldest is then
}

func (r *recentIDs) has(id string) bool { return r.known[id] }

// add remembers id, which it does not know yet, and forgets the oldest where there are too many.
func (r *recentIDs) add(id string) {
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[id] = true
	if len(r.order) < maxRecentIDs {
		r.order = append(r.order, id)
		return
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRecentIDs
}
