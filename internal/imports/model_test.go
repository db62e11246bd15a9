//go:build !race

package imports

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/s3limits"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// modelJob states the rules of one import in a few lines, independent of the implementation.
type modelJob struct {
	id       string
	multi    bool
	declared bool  // the algorithm of a checksum
	size     int64 // -1: not declared
	partSize int64
	deadline time.Time
	status   Status          // as last recorded; Uploading is never recorded
	why      string          // a Failure's code
	object   int64           // bytes of the object; -1: none
	parts    map[int32]int64 // bytes by number, without those that the store lost; nil once removed
	highest  int32           // number of a part that was sent
}

// inspect is what a read at now records and returns.
func (m *modelJob) inspect(now time.Time) Status {
	gone := m.status == Aborted || m.multi && (m.status == Failed || m.status == Expired)
	switch {
	case gone:
		m.object, m.parts = -1, nil
	case m.status == Failed || m.status == Completed && m.object < 0:
	case m.object >= 0 && m.size >= 0 && m.object != m.size:
		m.status, m.why = Failed, CodeSizeMismatch
		if m.multi {
			m.object, m.parts = -1, nil
		}
	case m.object >= 0:
		m.status = Completed
	case m.status == AwaitingUpload && !now.Before(m.deadline):
		m.status, m.parts = Expired, nil
	case m.status == AwaitingUpload && len(m.parts) > 0:
		return Uploading
	}
	return m.status
}

// closed is why parts are no longer accepted: empty while they are.
func (m *modelJob) closed(now time.Time) string {
	switch {
	case !m.multi:
		return CodeNotMultipart
	case m.status != AwaitingUpload:
		return "import-" + string(m.status)
	case !now.Before(m.deadline):
		return CodeExpired
	}
	return ""
}

// last is the plan's last part: the highest stored one if the size is unknown.
func (m *modelJob) last() int32 {
	if m.size >= 0 {
		return int32(max(1, (m.size+m.partSize-1)/m.partSize))
	}
	return max(1, m.highest)
}

// complete is what Complete returns at now.
func (m *modelJob) complete(now time.Time, wrongSum bool) string {
	if !m.multi {
		switch s := m.inspect(now); s {
		case Completed:
			return ""
		case AwaitingUpload:
			return CodeUploadMissing
		default:
			return "import-" + string(s)
		}
	}
	switch {
	case m.status == Completed:
		return ""
	case m.status == Failed && m.why == CodeChecksumMismatch:
		return CodeChecksumMismatch
	case m.closed(now) != "":
		return m.closed(now)
	}
	total, missing := int64(0), false
	for n := range m.last() {
		length, held := m.parts[n+1]
		total, missing = total+length, missing || !held
	}
	for n, length := range m.parts {
		want := m.partSize
		if n == m.last() && m.size >= 0 {
			want = m.size - int64(n-1)*m.partSize
		}
		short := n == m.last() && m.size < 0 && length < want
		if n > m.last() || length != want && !short {
			return CodePartSizeMismatch
		}
	}
	switch {
	case missing:
		return CodePartsMissing
	case wrongSum:
		m.status, m.why, m.object, m.parts = Failed, CodeChecksumMismatch, -1, nil
		return CodeChecksumMismatch
	}
	m.status, m.object, m.parts = Completed, total, nil
	return ""
}

// wrongCRC64 is not the checksum of any number of zeroes that a play sends.
const wrongCRC64 = "/////////w8="

// play makes one random sequence of calls, to the service and to the model, and reports differences.
type play struct {
	*testing.T
	*rand.Rand
	s      *Service
	store  ownerStore
	quirks *storetest.Quirks
	lost   map[string]bool // parts, by key and number
	now    time.Time
	jobs   []*modelJob
	log    []string
}

func (p *play) has(quirk storetest.Quirk) bool { return p.quirks.Set&quirk == quirk }

func (p *play) agree(doing string, got, want any) {
	p.Helper()
	p.log = append(p.log, fmt.Sprintf("%s: %v", doing, got))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.Fatalf("server and model disagree: %s: got %v, want %v", doing, got, want)
	}
}

func (p *play) create() {
	r, m := Request{}, &modelJob{size: -1, object: -1, status: AwaitingUpload}
	if m.multi = p.IntN(3) > 0; m.multi {
		r.Mode, r.PartSize, m.partSize, m.parts = Multipart, s3limits.MinPartSize, s3limits.MinPartSize, map[int32]int64{}
	}
	if p.IntN(2) == 0 {
		m.size = []int64{1, 5, 5, s3limits.MinPartSize + 5}[p.IntN(4)]
		r.Size = &m.size
	}
	if m.declared = m.multi && p.IntN(4) == 0; m.declared {
		r.Checksum = &Checksum{Algorithm: "crc64nvme"}
	}
	j, err := p.s.Create(p.Context(), p.store.owner, r, "")
	p.agree(fmt.Sprintf("create %d: multipart %v, size %d", len(p.jobs), m.multi, m.size), codeOf(err)+string(j.Status),
		AwaitingUpload)
	m.id, m.deadline = j.ID, j.Deadline
	p.jobs = append(p.jobs, m)
}

// send stores bytes as the client would: an object, or a part.
func (p *play) send(i int, m *modelJob) {
	n := int64(1 + p.IntN(6))
	if !m.multi || p.IntN(12) == 0 { // an object of a multipart import, with the store's own credentials
		p.log = append(p.log, fmt.Sprintf("object of %d: %d bytes", i, n))
		p.store.put(p.T, m.id, make([]byte, n))
		m.object = n
		return
	}
	number := int32(1 + p.IntN(3))
	if number == 1 && m.size != n && p.IntN(2) == 0 {
		n = s3limits.MinPartSize
	}
	if m.size > 0 && p.IntN(2) == 0 { // as planned
		number = 1 + int32(p.IntN(int(m.last())))
		n = min(m.partSize, m.size-int64(number-1)*m.partSize)
	}
	j, err := p.s.load(p.Context(), p.store.owner, m.id)
	if err != nil {
		p.Fatal(err)
	}
	taken := p.store.part(p.T, j, number, make([]byte, n)) == nil
	p.agree(fmt.Sprintf("part %d of %d: %d bytes", number, i, n), taken, m.parts != nil)
	if taken {
		m.parts[number], m.highest = n, max(m.highest, number)
		delete(p.lost, lostPart(j.Key(), int(number)))
	}
}

// lose makes the store lose a part of m.
func (p *play) lose(i int, m *modelJob) {
	held := slices.Sorted(maps.Keys(m.parts))
	if len(held) == 0 {
		return
	}
	number := held[p.IntN(len(held))]
	p.log = append(p.log, fmt.Sprintf("lose part %d of %d", number, i))
	delete(m.parts, number)
	p.lost[lostPart(objectKey(p.store.owner, m.id), int(number))] = true
}

func lostPart(key string, number int) string { return fmt.Sprint(key, "/", number) }

func (p *play) sign(i int, m *modelJob) {
	n, want := int32(1+p.IntN(3)), m.closed(p.now)
	if want == "" && m.size >= 0 && n > m.last() {
		want = CodeInvalidRequest
	}
	r := PartsRequest{Numbers: []int32{n}}
	if m.declared {
		r.Checksums = map[string]string{fmt.Sprint(n): wrongCRC64}
	}
	_, err := p.s.SignParts(p.Context(), p.store.owner, m.id, r)
	p.agree(fmt.Sprintf("sign part %d of %d", n, i), codeOf(err), want)
}

// listParts updates the job, as every inspection does, if the store holds no parts any more.
func (p *play) listParts(i int, m *modelJob) {
	want := m.closed(p.now)
	page, err := p.s.ListParts(p.Context(), p.store.owner, m.id, 0)
	held := map[int32]int64{}
	for _, part := range page.Parts {
		held[part.Number] = part.Size
	}
	if want != "" {
		p.agree(fmt.Sprintf("list parts of %d", i), codeOf(err), want)
		return
	}
	p.agree(fmt.Sprintf("list parts of %d", i), fmt.Sprint(codeOf(err), len(page.Parts), held),
		fmt.Sprint("", len(m.parts), m.parts))
}

func (p *play) complete(i int, m *modelJob) {
	var whole *Checksum
	if m.multi && m.object < 0 && p.IntN(4) == 0 {
		whole = &Checksum{Algorithm: "crc64nvme", Value: wrongCRC64}
	}
	if m.multi && m.object >= 0 && m.status == AwaitingUpload {
		return // an object beside the parts: the result depends on the store
	}
	_, err := p.s.Complete(p.Context(), p.store.owner, m.id, whole)
	// The store compares a declared checksum, and the service the one that the store returns.
	compared := m.declared && !p.has(storetest.IgnoresWholeChecksum) || !p.has(storetest.ListsNoChecksums)
	p.agree(fmt.Sprintf("complete %d, wrong checksum %v", i, whole != nil), codeOf(err),
		m.complete(p.now, whole != nil && compared))
}

func (p *play) remove(i int, m *modelJob) {
	p.agree(fmt.Sprintf("delete %d", i), codeOf(p.s.Delete(p.Context(), p.store.owner, m.id)), "")
	m.status, m.why, m.object, m.parts = Aborted, "", -1, nil
}

func (p *play) read(i int, m *modelJob) {
	j, err := p.s.Read(p.Context(), p.store.owner, m.id)
	why := ""
	if j.Failure != nil {
		why = j.Failure.Code
	}
	want := m.inspect(p.now)
	p.agree(fmt.Sprintf("read %d", i), fmt.Sprint(codeOf(err), j.Status, why), fmt.Sprint("", want, m.why))
	p.agree(fmt.Sprintf("object of %d", i), p.store.object(p.T, m.id) != nil, m.object >= 0)
}

func (p *play) list() {
	jobs, _, err := p.s.List(p.Context(), p.store.owner, Page{})
	var got, want []string
	for _, j := range jobs {
		got = append(got, j.ID+" "+string(j.Status))
	}
	for _, m := range p.jobs {
		want = append(want, m.id+" "+string(m.inspect(p.now)))
	}
	slices.Sort(got) // TestList checks their order
	slices.Sort(want)
	p.agree("list", fmt.Sprint(codeOf(err), got), fmt.Sprint("", want))
}

func (p *play) step() {
	if len(p.jobs) == 0 || len(p.jobs) < 3 && p.IntN(8) == 0 {
		p.create()
		return
	}
	i := p.IntN(len(p.jobs))
	m := p.jobs[i]
	if p.has(storetest.ListsLostParts) && p.IntN(6) == 0 {
		p.lose(i, m)
		return
	}
	switch p.IntN(18) {
	case 0, 1, 2, 3, 4:
		p.send(i, m)
	case 5, 6:
		p.sign(i, m)
	case 7, 8:
		p.listParts(i, m)
	case 9, 10, 11, 12:
		p.complete(i, m)
	case 13:
		p.remove(i, m)
	case 14, 15:
		p.read(i, m)
	case 16:
		p.list()
	default:
		past := time.Duration(p.IntN(30)) * time.Hour
		p.now = p.now.Add(past)
		p.log = append(p.log, fmt.Sprintf("%s pass", past))
	}
}

// quirks are those of stores for which TestModel plays too.
var quirks = []storetest.Quirk{
	storetest.ListsUploadsByExactKey,
	storetest.ListsLostParts,
	storetest.ListsNoChecksums,
	storetest.IgnoresWholeChecksum,
	storetest.AnswersContentChecksumMismatch,
	storetest.ListsPartsTwice,
	storetest.ListsPartsTwiceReversed,
	storetest.RefusesQuotedIfMatch,
	storetest.DelaysConditionalWrites,
	storetest.IgnoresConditions, // a play has no concurrent writers
	storetest.ListsNoChecksums | storetest.IgnoresWholeChecksum,
	storetest.ListsNoChecksums | storetest.ListsLostParts,
	storetest.ListsUploadsByExactKey | storetest.ListsLostParts | storetest.IgnoresWholeChecksum |
		storetest.AnswersContentChecksumMismatch, // MinIO
	storetest.ListsPartsTwice | storetest.ListsNoChecksums | storetest.IgnoresWholeChecksum |
		storetest.DelaysConditionalWrites, // SeaweedFS
	storetest.RefusesQuotedIfMatch | storetest.DelaysConditionalWrites,
}

// TestModel plays random sequences of calls, 1,000 with SIGNPOST_TEST_LARGE. A failure prints its seed and sequence.
func TestModel(t *testing.T) {
	plays, withQuirks := uint64(80), uint64(25)
	if testing.Short() {
		plays, withQuirks = 15, 2
	} else if os.Getenv("SIGNPOST_TEST_LARGE") != "" {
		plays, withQuirks = 1000, 200
	}
	for seed := range plays {
		t.Run(fmt.Sprintf("seed %d", seed), inFakeTime(func(t *testing.T) { playInMemory(t, seed, 0) }))
	}
	for _, q := range quirks {
		t.Run(q.String(), func(t *testing.T) {
			for seed := range withQuirks {
				t.Run(fmt.Sprintf("seed %d", seed), inFakeTime(func(t *testing.T) { playInMemory(t, seed, q) }))
			}
		})
	}
}

func playInMemory(t *testing.T, seed uint64, q storetest.Quirk) {
	store := &storetest.Quirks{Set: q, Delay: time.Second, Next: &testStore}
	target := storetest.Target{AWS: testStore.AWS(store), Bucket: storetest.MemoryBucket, PathStyle: true}
	playSeed(t, seed, store, target, newOwnerStore(t))
}

// TestModelOnStore plays some of the sequences on a store that is not part of the tests.
func TestModelOnStore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a store")
	}
	target := storetest.Open(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			store := newOwnerStoreOn(t, target)
			store.put(t, "keep", nil) // versitygw removes an empty folder, and refuses a PUT that comes at that moment
			playSeed(t, seed, &storetest.Quirks{}, target, store)
		})
	}
	if target.Store == nil {
		return
	}
	for i, q := range quirks {
		t.Run(q.String(), func(t *testing.T) {
			store := newOwnerStoreOn(t, target)
			store.put(t, "keep", nil)
			front := storetest.NewQuirky(t, target.AWS, target.Bucket, q)
			quirky := target
			quirky.AWS = front.AWS
			playSeed(t, uint64(i), &front.Quirks, quirky, store)
		})
	}
}

// playSeed plays one sequence on target, which has these quirks. Direct is the same store without them.
func playSeed(t *testing.T, seed uint64, quirks *storetest.Quirks, target storetest.Target, direct ownerStore) {
	const calls = 16
	store := newOwnerStoreOn(t, target)
	store.owner = direct.owner
	p := &play{
		T: t, Rand: rand.New(rand.NewPCG(seed, 3)), s: serverOn(t, target), store: store,
		quirks: quirks, lost: map[string]bool{}, now: time.Now(),
	}
	p.s.Now = func() time.Time { return p.now }
	quirks.IsLost = func(key string, number int) bool { return p.lost[lostPart(key, number)] }
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("after:\n%s", strings.Join(p.log, "\n"))
		}
	})
	for range calls {
		p.step()
	}
	for i, m := range p.jobs {
		p.read(i, m)
		p.remove(i, m)
		p.read(i, m)
	}
	if left := direct.uploads(t); left != 0 {
		t.Errorf("%d multipart uploads are left", left)
	}
}
