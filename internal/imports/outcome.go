package imports

import (
	"context"
	"slices"
	"strings"
)

// Announce writes down that job has ended, under a name of its own, before the record says so and names it: then whoever reads the record
// may rely on its being told. Recorded is called once the record does. Several servers may announce the same end; the record names
// one. News is empty where nobody wants to hear of the job.
type Announce func(ctx context.Context, job Job) (news string, recorded func(), err error)

// ends reports whether somebody should hear that j has become next: it has ended, or ended otherwise, or its object was replaced.
func (j Job) ends(next Job) bool {
	switch {
	case next.Status.open():
		return false
	case next.Status != j.Status:
		return true
	}
	return j.etag() != next.etag()
}

// etag is that of j's object, empty where it had none.
func (j Job) etag() string {
	if j.Object == nil {
		return ""
	}
	return j.Object.ETag
}

// maxEarlier bounds the news that a record remembers besides the last. Each is of an object that was replaced.
const maxEarlier = 20

// announce returns next with the name of its news, if it is any.
func (s *Service) announce(ctx context.Context, j, next Job) (Job, func(), error) {
	next.News, next.Earlier = j.News, j.Earlier // which may still be to be sent, so whoever makes next anew, as Delete does, may not forget it
	if !j.ends(next) {
		return next, func() {}, nil
	}
	if next.News = ""; j.News != "" {
		next.Earlier = append([]string{j.News}, j.Earlier[:min(len(j.Earlier), maxEarlier-1)]...)
	}
	if s.Announce == nil {
		return next, func() {}, nil
	}
	news, recorded, err := s.Announce(ctx, next)
	if err != nil {
		return Job{}, nil, fromStore("announce import "+j.ID, err)
	}
	next.News = news
	return next, recorded, nil
}

// Notice looks at what the store says has arrived at key, and records what became of the import. What is said twice, late, or of a
// key that is no import's, changes nothing; the bucket is asked, and nothing else that the store said is believed. A bare import,
// which has no record, is announced each time.
func (s *Service) Notice(ctx context.Context, key string) error {
	owner, id, ok := objectOf(key)
	if !ok {
		return nil
	}
	s.Moved(id)
	_, err := s.reconciled(ctx, owner, id, s.Now())
	if isKind(err, NotFound) {
		return s.noticeBare(ctx, owner, id)
	}
	return err
}

func (s *Service) noticeBare(ctx context.Context, owner, id string) error {
	if s.Announce == nil {
		return nil
	}
	bare := Job{ID: id, Owner: owner, CreatedAt: idTime(id)}
	seen, err := s.object(ctx, bare)
	if err != nil || seen == nil {
		return err
	}
	_, recorded, err := s.announce(ctx, bare, bare.received(*seen))
	if err == nil {
		recorded()
	}
	return err
}

// Bare reports whether j is an import without a record.
func (j Job) Bare() bool { return j.Mode == "" }

// objectOf is whose import has its object at key, and which.
func objectOf(key string) (owner, id string, ok bool) {
	rest, ours := strings.CutPrefix(key, ObjectRoot)
	slash := strings.LastIndexByte(rest, '/')
	if !ours || slash <= 0 {
		return "", "", false
	}
	owner, id = rest[:slash], rest[slash+1:]
	return owner, id, canonicalID.MatchString(id) && !strings.Contains(owner, "/")
}

// News is what was announced of an import.
type News struct {
	Name, Owner, ID string
	Status          Status
	ETag            string // of the object, where there was one
}

// Word is what a record says about news.
type Word int

// The words on news.
const (
	NotYet Word = iota // the server that announced it may be about to record it
	True
	Never // it is not so, or was announced under another name too
)

// Confirm asks the record about news. Where final is set, the server that announced it is taken for dead: what it left to be recorded
// is found out here, and the record is changed, so that a write of that server's that is under way after all fails and is begun
// anew, with an announcement of its own. The answer then is never NotYet.
func (s *Service) Confirm(ctx context.Context, n News, final bool) (Word, error) {
	word, err := retry(n.ID, func() (Word, error) {
		j, err := s.load(ctx, n.Owner, n.ID)
		if word := j.word(n); err != nil || word != NotYet || !final {
			return word, err
		}
		if _, err := s.reconcile(ctx, j, s.Now()); err != nil {
			return NotYet, err
		}
		if j, err = s.load(ctx, n.Owner, n.ID); err != nil {
			return NotYet, err
		}
		if word := j.word(n); word != NotYet {
			return word, nil
		}
		fenced := j.Job
		fenced.Fence++
		_, err = s.store(ctx, j, fenced)
		return Never, err
	})
	if isKind(err, NotFound) {
		return Never, nil
	}
	return word, err
}

func (j Job) word(n News) Word {
	switch {
	case j.News == n.Name, slices.Contains(j.Earlier, n.Name):
		return True
	case j.Status == Aborted, j.Status == n.Status && j.etag() == n.ETag: // for good; by another name
		return Never
	}
	return NotYet
}
