package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// keys is a credentials provider whose credentials a test changes. By default they never expire.
type keys struct {
	mu    sync.Mutex
	id    string
	life  time.Duration // 0: they never expire
	delay time.Duration
	err   error
}

func (k *keys) set(id string, life time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.life = id, life
}

func (k *keys) slow(delay time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.delay = delay
}

func (k *keys) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keys) Retrieve(context.Context) (aws.Credentials, error) {
	k.mu.Lock()
	id, life, delay, err := k.id, k.life, k.delay, k.err
	k.mu.Unlock()
	time.Sleep(delay)
	return aws.Credentials{
		AccessKeyID:     "AKIA" + id,
		SecretAccessKey: "secret",
		CanExpire:       life > 0,
		Expires:         time.Now().Add(life),
	}, err
}

// signedBy returns the access key of a URL signed now, and its lifetime.
func signedBy(t *testing.T, b *Bucket) (id string, life time.Duration, err error) {
	t.Helper()
	now := time.Now()
	put, err := b.SignPut(t.Context(), Upload{Key: "k", From: now, Until: now.Add(time.Hour)})
	if err != nil {
		return "", 0, err
	}
	return put.URL.Reveal()[strings.Index(put.URL.Reveal(), "AKIA")+len("AKIA"):][:1], put.ExpiresAt.Sub(now), nil
}

// TestCredentialsOverTime checks that URLs use the current credentials and expire with them, and that signing fails
// while there are none.
func TestCredentialsOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &keys{id: "a", life: 90 * time.Minute}
		w := &fakeStore{answer: respond(200, "")}
		b, outcomes := openFake(t, w, aws.NewCredentialsCache(source))
		expect := func(what, id string, life time.Duration) {
			t.Helper()
			if gotID, got, err := signedBy(t, b); err != nil || gotID != id || got != life {
				t.Errorf("%s: signed by %q for %s, %v, want %q for %s", what, gotID, got, err, id, life)
			}
			listKeys(t.Context(), b, 1)
			if r := w.requests[len(w.requests)-1]; !strings.Contains(r.Header.Get("Authorization"), "AKIA"+id) {
				t.Errorf("%s: the store was asked with %s, want key %s", what, r.Header.Get("Authorization"), id)
			}
		}
		expect("at first", "a", time.Hour)
		source.set("b", time.Hour)
		time.Sleep(time.Hour)
		expect("shortly before the end", "a", 30*time.Minute)
		time.Sleep(30 * time.Minute)
		expect("renewed", "b", time.Hour)
		source.fail(errors.New("the role was taken away"))
		time.Sleep(time.Hour)
		w.setAnswer(respond(200, ""))
		for range 2 * openAfter {
			if _, _, err := signedBy(t, b); !errors.Is(err, ErrCredentialsExpired) || errors.Is(err, ErrUnavailable) {
				t.Errorf("SignPut without credentials: got %v, want ErrCredentialsExpired", err)
			}
			if err := b.CreateRecord(t.Context(), "k", nil); !errors.Is(err, ErrCredentialsExpired) ||
				errors.Is(err, ErrUnavailable) ||
				w.count() > 0 {
				t.Errorf("CreateRecord without credentials: got %v and %d requests, want ErrCredentialsExpired", err, w.count())
			}
		}
		if got := outcomes(); got[len(got)-1] != "PutObject credentials" || slices.Contains(got, "PutObject cut") {
			t.Errorf("hooks received %q, want credentials", got)
		}
		source.fail(nil)
		source.set("c", 0)
		expect("given back, without an expiry", "c", time.Hour)
	})
}

// TestCredentialsLeft checks the remaining lifetime, and that it is returned without a long wait.
func TestCredentialsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &keys{life: time.Hour}
		b, _ := openFake(t, &fakeStore{}, aws.NewCredentialsCache(source))
		if left, ends, err := b.CredentialsLeft(t.Context()); left != time.Hour || !ends || err != nil {
			t.Errorf("at first: got %s, %v, %v, want an hour", left, ends, err)
		}
		time.Sleep(time.Minute)
		if left, ends, err := b.CredentialsLeft(t.Context()); left != 59*time.Minute || !ends || err != nil {
			t.Errorf("a minute later: got %s, %v, %v, want 59 minutes", left, ends, err)
		}
		source.slow(time.Minute) // a role that is never returned
		time.Sleep(time.Hour)
		began := time.Now()
		if _, _, err := b.CredentialsLeft(t.Context()); !errors.Is(err, ErrCredentialsExpired) ||
			time.Since(began) > credentialsTimeout {
			t.Errorf(
				"while the role is slow: got %v after %s, want ErrCredentialsExpired after %s",
				err,
				time.Since(began),
				credentialsTimeout,
			)
		}
		time.Sleep(time.Minute) // the renewal continued
		if _, ends, err := b.CredentialsLeft(t.Context()); !ends || err != nil {
			t.Errorf("once it is there: got %v, %v, want an end", ends, err)
		}
		endless, _ := openFake(t, &fakeStore{}, static())
		if left, ends, err := endless.CredentialsLeft(t.Context()); left != 0 || ends || err != nil {
			t.Errorf("without an expiry: got %s, %v, %v, want none", left, ends, err)
		}
	})
}

// TestCredentialsThatHang checks that credentials have the timeout of a call, and are not counted as an error of the
// store.
func TestCredentialsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, outcomes := openFake(t, &fakeStore{}, aws.NewCredentialsCache(&keys{delay: time.Hour}))
		for name, do := range map[string]func() error{
			"SignPut":      func() error { _, _, err := signedBy(t, b); return err },
			"CreateRecord": func() error { return b.CreateRecord(t.Context(), "k", nil) },
			"Head":         func() error { _, err := b.Head(t.Context(), "k"); return err },
		} {
			began := time.Now()
			if err := do(); !errors.Is(err, ErrCredentialsExpired) || errors.Is(err, ErrUnavailable) ||
				time.Since(began) > callTimeout {
				t.Errorf("%s: got %v after %s, want ErrCredentialsExpired within %s", name, err, time.Since(began), callTimeout)
			}
		}
		for _, got := range outcomes() {
			if !strings.HasSuffix(got, " credentials") {
				t.Errorf("hooks received %q, want credentials", got)
			}
		}
		time.Sleep(time.Hour) // lets background work end
	})
}
