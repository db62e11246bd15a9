package webhook

import (
	"errors"
	"fmt"
	"strings"
)

// Keys are the keys of a service.
type Keys struct {
	common []Key            // newest first
	hosts  map[string][]Key // by canonical host, newest first
}

var errNoKeys = fmt.Errorf("there is no key to sign with: %w", errKey)

// ParseKeys parses keys separated by commas or line breaks, the newest first. An entry is KEY or, for the receivers at
// one host, HOST=KEY. In a line, # begins a comment. Errors name the position of an entry and never contain it.
func ParseKeys(text string) (*Keys, error) {
	keys := &Keys{hosts: map[string][]Key{}}
	n := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			n++
			if err := keys.add(entry); err != nil {
				return nil, fmt.Errorf("key %d: %w", n, err)
			}
		}
	}
	if n == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}

func (k *Keys) add(entry string) error {
	host, text, bound := strings.Cut(entry, "=wh")
	if !bound {
		key, err := ParseKey(entry)
		k.common = append(k.common, key)
		return err
	}
	host, err := ParseHost(host)
	if err != nil {
		return err
	}
	key, err := ParseKey("wh" + text)
	k.hosts[host] = append(k.hosts[host], key)
	return err
}

// Common returns the keys without a host. They sign deliveries to the operator's own receiver.
func (k *Keys) Common() ([]Key, error) {
	if len(k.common) == 0 {
		return nil, errors.New("every key is for one host (HOST=KEY); name the host")
	}
	return k.common, nil
}

// ForHost returns the keys that sign deliveries to a canonical host: its own or, if it has none, one derived from each
// common key.
func (k *Keys) ForHost(host string) ([]Key, error) {
	if own := k.hosts[host]; len(own) > 0 {
		return own, nil
	}
	common, err := k.Common()
	if err != nil {
		return nil, fmt.Errorf("there is no key for %s, and none to derive it from", host)
	}
	derived := make([]Key, len(common))
	for i, key := range common {
		if derived[i], err = key.ForHost(host); err != nil {
			return nil, err
		}
	}
	return derived, nil
}

func (*Keys) String() string   { return "webhook.Keys(…)" }
func (*Keys) GoString() string { return "webhook.Keys(…)" }
