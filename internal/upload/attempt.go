package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// piece is what one request carries: a part, or with number 0 a whole file.
type piece struct {
	number int32
	size   int64                                                  // bytes
	open   func() (io.Reader, error)                              // gives its bytes from the start, as often as it is called
	sign   func(ctx context.Context, again bool) (request, error) // again: the store refused the one before
}

// send sends p until the store has it. A request that was signed once is used until the store refuses it.
func (t *transfer) send(ctx context.Context, p piece) (etag string, err error) {
	waits := patience{budget: t.retry, retrying: func(err error) {
		t.Notify(Event{Kind: Retrying, File: t.name, ID: t.id, Part: p.number, Total: t.total, Error: err})
	}}
	var signed request
	renew, renewed := false, false
	for {
		if etag, err = t.try(ctx, p, &signed, renew); err == nil || ctx.Err() != nil {
			return etag, err
		}
		if changed := t.unchanged(); changed != nil {
			return "", t.failure(p.number, 1, changed) // whatever came of it
		}
		renew = outdated(err)
		switch {
		case renew && !renewed: // it ended while it waited, or the credentials that signed it did
		case garbled(err) && waits.attempts+1 < least:
		case !temporary(err):
			return "", t.failure(p.number, waits.attempts+1, err)
		}
		renewed = renew
		if waited := waits.wait(ctx, err); waited != nil {
			return "", t.failure(p.number, waits.attempts, waited)
		}
	}
}

func (t *transfer) failure(number int32, attempts int, err error) error {
	doing := "sending it"
	if number > 0 {
		doing = fmt.Sprintf("sending part %d", number)
	}
	return &Failure{File: t.name, Doing: doing, Attempts: attempts, Cause: err}
}

// try sends p once, when it is signed and there is a place. What was sent in vain is taken back from the progress.
func (t *transfer) try(ctx context.Context, p piece, signed *request, renew bool) (etag string, err error) {
	if signed.url == "" || renew {
		if *signed, err = p.sign(ctx, renew); err != nil {
			return "", err
		}
	}
	body, err := p.open()
	if err != nil {
		return "", err
	}
	if err := t.gate.enter(ctx); err != nil {
		return "", err
	}
	defer t.gate.leave()
	var sent int64
	tell := func(bytes int64) {
		t.Notify(Event{Kind: Progress, File: t.name, ID: t.id, Part: p.number, Bytes: bytes, Total: t.total})
	}
	etag, err = t.put(ctx, *signed, body, p.size, func(n int) {
		sent += int64(n)
		tell(int64(n))
	})
	if err == nil {
		t.gate.welcome()
		return etag, nil
	}
	if overloaded(err) {
		t.gate.complain(time.Now())
	}
	if sent > 0 {
		tell(-sent)
	}
	return "", err
}

// outdated reports whether the store refused a request that might please it when signed anew.
func outdated(err error) bool {
	var said *Refusal
	if !errors.As(err, &said) || said.By != theStore {
		return false
	}
	switch said.Code {
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired": // which S3 says with 400
		return true
	}
	return said.Status == 403
}

// garbled reports whether other bytes came to the store than were hashed, though the file is the same.
func garbled(err error) bool {
	var said *Refusal
	return errors.As(err, &said) && said.By == theStore && (said.Code == "BadDigest" || said.Code == "XAmzContentChecksumMismatch")
}
