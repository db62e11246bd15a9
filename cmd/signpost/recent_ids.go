package main

// maxRecentIDs is more than a laptop receives while the service may still retry an event.
const maxRecentIDs = 10_000

// recentIDs holds the ids that were added last.
type recentIDs struct {
	known map[string]bool
	order []string // a ring, once it is full
	next  int      // index of the oldest id in a full ring
}

func (r *recentIDs) has(id string) bool { return r.known[id] }

// add adds a new id, and removes the oldest of a full ring.
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
