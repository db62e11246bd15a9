package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// lane identifies the entries of one owner for one receiver. The receivers are the webhook of the service, the event
// bus and each host of imports' own webhooks. Keys contain the lane, so that a sweep can share its work fairly from a
// listing alone.
type lane struct{ receiver, owner string }

// lane returns the lane of e. Hosts and owners are hashed, because they may contain characters that are invalid in
// keys.
func (e entry) lane() lane {
	if len(e.To) != 1 {
		return lane{}
	}
	owner := digest(e.Event.Data.Owner)
	switch e.To[0] {
	case toWebhook, toBus:
		return lane{e.To[0], owner}
	}
	host := e.Webhook
	if u, err := url.Parse(e.Webhook); err == nil {
		host = webhook.CanonicalHost(u)
	}
	return lane{digest(host), owner}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// suffix returns the part of a key that identifies l. It is empty for entries of versions without lanes.
func (l lane) suffix() string {
	if l == (lane{}) {
		return ""
	}
	return "-" + l.receiver + "-" + l.owner
}
