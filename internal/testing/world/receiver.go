package world

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Delivery is a delivery of an event.
type Delivery struct{ URL, EventID, Type string }

// Receiver records deliveries. The zero value accepts all.
type Receiver struct {
	// Answer returns the result of a delivery to url. Nil accepts it.
	Answer func(url string) error

	mu         sync.Mutex
	deliveries []Delivery
}

// Send records a delivery: it is a value for outbox.Outbox.Send.
func (r *Receiver) Send(_ context.Context, url, id string, _ time.Time, body []byte) error {
	var event struct{ ID, Type string }
	if err := json.Unmarshal(body, &event); err != nil || event.ID != id {
		return fmt.Errorf("event %s has the body %s (%v)", id, body, err)
	}
	r.mu.Lock()
	r.deliveries = append(r.deliveries, Delivery{url, id, event.Type})
	r.mu.Unlock()
	if r.Answer == nil {
		return nil
	}
	return r.Answer(url)
}

// Deliveries returns the deliveries in their order, repeated ones included.
func (r *Receiver) Deliveries() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deliveries)
}

// Events returns the IDs of the delivered events by their types, each once.
func (r *Receiver) Events() map[string][]string {
	events := map[string][]string{}
	for _, d := range r.Deliveries() {
		if !slices.Contains(events[d.Type], d.EventID) {
			events[d.Type] = append(events[d.Type], d.EventID)
		}
	}
	return events
}
