package imports

import (
	"slices"
	"testing"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// maxSize is the largest size that S3 allows, in bytes: 48.8 TiB.
const maxSize = s3limits.MaxParts * s3limits.MaxPartSize

// TestPlan checks each limit of a plan, and the value beyond it.
func TestPlan(t *testing.T) {
	const (
		mib = 1 << 20
		gib = 1 << 30
	)
	for _, c := range []struct {
		name     string
		size     int64 // -1: unknown
		partSize int64
		want     Plan
		last     int64 // bytes in the last part, if the size is known
	}{
		{"empty", 0, 0, Plan{16 * mib, 1}, 0},
		{"one byte", 1, 0, Plan{16 * mib, 1}, 1},
		{"a part to the byte", 16 * mib, 0, Plan{16 * mib, 1}, 16 * mib},
		{"a part and a byte", 16*mib + 1, 0, Plan{16 * mib, 2}, 1},
		{"10,000 parts of 16 MiB", 10_000 * 16 * mib, 0, Plan{16 * mib, 10_000}, 16 * mib},
		{"and a byte: parts of 17 MiB", 10_000*16*mib + 1, 0, Plan{17 * mib, 9_412}, 10_000*16*mib + 1 - 9_411*17*mib},
		{"10,000 parts of 17 MiB", 10_000 * 17 * mib, 0, Plan{17 * mib, 10_000}, 17 * mib},
		{"and a byte: parts of 18 MiB", 10_000*17*mib + 1, 0, Plan{18 * mib, 9_445}, 10_000*17*mib + 1 - 9_444*18*mib},
		{"the largest size", maxSize, 0, Plan{5 * gib, 10_000}, 5 * gib},
		{"a byte less", maxSize - 1, 0, Plan{5 * gib, 10_000}, 5*gib - 1},
		{"the caller's 5 MiB", 10_000 * 5 * mib, 5 * mib, Plan{5 * mib, 10_000}, 5 * mib},
		{"the caller's, odd", 10_000_001, 5*mib + 1, Plan{5*mib + 1, 2}, 10_000_001 - 5*mib - 1},
		{"the caller's 5 GiB", maxSize, 5 * gib, Plan{5 * gib, 10_000}, 5 * gib},
		{"the caller's, larger than all", 7, 5 * gib, Plan{5 * gib, 1}, 7},
		{"size unknown", -1, 0, Plan{64 * mib, 0}, 0},
		{"size unknown, the caller's", -1, 5 * mib, Plan{5 * mib, 0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var size *int64
			if c.size >= 0 {
				size = &c.size
			}
			got := planFor(size, c.partSize)
			if got != c.want {
				t.Fatalf("planFor(%d, %d): got %+v, want %+v", c.size, c.partSize, got, c.want)
			}
			if size == nil {
				if got.last() != s3limits.MaxParts || got.partSize(3, nil) != 0 {
					t.Errorf("got last part %d of %d bytes, want %d of any", got.last(), got.partSize(3, nil), s3limits.MaxParts)
				}
				return
			}
			if last := got.partSize(got.last(), size); last != c.last {
				t.Errorf("last part: got %d bytes, want %d", last, c.last)
			}
		})
	}
}

// TestModeChosen lists the modes that Auto selects.
func TestModeChosen(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name    string
		request Request
		want    Mode
	}{
		{"size unknown", Request{}, Single},
		{"64 MiB", Request{Size: size(64 << 20)}, Single},
		{"64 MiB and a byte", Request{Size: size(64<<20 + 1)}, Multipart},
		{"auto", Request{Mode: Auto, Size: size(64<<20 + 1)}, Multipart},
		{"multipart requested", Request{Mode: Multipart}, Multipart},
		{"single requested", Request{Mode: Single, Size: size(64<<20 + 1)}, Single},
		{"sha256, which one request alone verifies",
			Request{Size: size(64<<20 + 1), Checksum: &Checksum{Algorithm: "sha256"}}, Single},
		{"sha1, likewise", Request{Size: size(64<<20 + 1), Checksum: &Checksum{Algorithm: "sha1"}}, Single},
		{"crc32c", Request{Size: size(64<<20 + 1), Checksum: &Checksum{Algorithm: "crc32c"}}, Multipart},
		{"crc64nvme at 64 MiB", Request{Size: size(64 << 20), Checksum: &Checksum{Algorithm: "crc64nvme"}}, Single},
	} {
		if got := c.request.mode(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzPlan: the parts of a plan are contiguous, all but the last have the same size, and their sizes add up to the
// total.
func FuzzPlan(f *testing.F) {
	for _, size := range []int64{0, 1, 64 << 20, 64<<20 + 1, 10_000*16<<20 + 1, maxSize - 1, maxSize} {
		for _, partSize := range []int64{0, s3limits.MinPartSize, s3limits.MinPartSize + 1, s3limits.MaxPartSize} {
			f.Add(size, partSize)
		}
	}
	f.Fuzz(func(t *testing.T, size, partSize int64) {
		size = max(0, size%(maxSize+1))
		if partSize != 0 {
			partSize = s3limits.MinPartSize + max(0, partSize%(s3limits.MaxPartSize-s3limits.MinPartSize+1))
		}
		if r := (Request{Mode: Multipart, Size: &size, PartSize: partSize}); len(r.invalidFields()) > 0 {
			if partSize == 0 || partSize*s3limits.MaxParts >= size {
				t.Fatalf("%d bytes in parts of %d: refused, though %d parts hold them", size, partSize, s3limits.MaxParts)
			}
			return
		}
		p := planFor(&size, partSize)
		if p.PartCount < 1 || p.PartCount > s3limits.MaxParts ||
			p.PartSize < s3limits.MinPartSize || p.PartSize > s3limits.MaxPartSize {
			t.Fatalf("%d bytes in parts of %d: got %+v, past S3's bounds", size, partSize, p)
		}
		held := make([]bucket.Part, 0, p.PartCount)
		end := int64(0)
		for n := int32(1); n <= p.PartCount; n++ {
			length := p.partSize(n, &size)
			if p.offset(n) != end || n < p.PartCount && length != p.PartSize || length > p.PartSize || length < min(1, size) {
				t.Fatalf("%d bytes in parts of %d: part %d has %d bytes at %d, the one before ends at %d", size, partSize, n,
					length, p.offset(n), end)
			}
			end += length
			held = append(held, bucket.Part{Number: n, Size: length})
		}
		if end != size {
			t.Fatalf("%d bytes in parts of %d: the parts sum to %d", size, partSize, end)
		}
		if err := p.check(held, &size); err != nil {
			t.Fatalf("%d bytes in parts of %d: all held, check says %v", size, partSize, err)
		}
		if err := p.check(held[1:], &size); codeOf(err) != CodePartsMissing {
			t.Fatalf("%d bytes in parts of %d: part 1 missing, check says %v", size, partSize, err)
		}
	})
}

func TestMissing(t *testing.T) {
	held := func(numbers ...int32) (parts []bucket.Part) {
		for _, n := range numbers {
			parts = append(parts, bucket.Part{Number: n})
		}
		return parts
	}
	for _, c := range []struct {
		name        string
		parts       []bucket.Part
		first, last int32
		want        []Range
	}{
		{"nothing held", nil, 1, 7, []Range{{1, 7}}},
		{"nothing held, size unknown", nil, 1, 0, nil},
		{"all held", held(1, 2, 3), 1, 3, nil},
		{"the first", held(2, 3), 1, 3, []Range{{1, 1}}},
		{"the last", held(1, 2), 1, 3, []Range{{3, 3}}},
		{"runs between", held(2, 5, 6, 9), 1, 10, []Range{{1, 1}, {3, 4}, {7, 8}, {10, 10}}},
		{"size unknown: what follows is not missing", held(1, 3), 1, 0, []Range{{2, 2}}},
		{"a later page", held(5, 7), 4, 8, []Range{{4, 4}, {6, 6}, {8, 8}}},
		{"beyond the plan", held(1, 2, 3), 1, 2, nil},
		{"only beyond the plan", held(9), 1, 7, []Range{{1, 7}}},
		{"the last of all", held(9_999), 9_999, s3limits.MaxParts, []Range{{10_000, 10_000}}},
	} {
		if got := missing(c.parts, c.first, c.last); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCheck compares parts with plans: each row breaks one rule.
func TestCheck(t *testing.T) {
	size := int64(11)
	known, unknown := Plan{PartSize: 5, PartCount: 3}, Plan{PartSize: 5}
	for _, c := range []struct {
		name  string
		plan  Plan
		size  *int64
		sizes map[int32]int64
		want  string
		fault string
	}{
		{"as planned", known, &size, map[int32]int64{1: 5, 2: 5, 3: 1}, "", ""},
		{"part 1 missing", known, &size, map[int32]int64{2: 5, 3: 1}, CodePartsMissing, "part 1 is missing"},
		{"last missing", known, &size, map[int32]int64{1: 5, 2: 5}, CodePartsMissing, "part 3 is missing"},
		{"a byte short", known, &size, map[int32]int64{1: 5, 2: 4, 3: 1}, CodePartSizeMismatch,
			"part 2 has 4 bytes, but must have 5"},
		{"last a byte long", known, &size, map[int32]int64{1: 5, 2: 5, 3: 2}, CodePartSizeMismatch,
			"part 3 has 2 bytes, but must have 1"},
		{"one past the plan", known, &size, map[int32]int64{1: 5, 2: 5, 3: 1, 4: 5}, CodePartSizeMismatch,
			"part 4 is not in the plan, which ends with part 3"},
		{"size unknown, full", unknown, nil, map[int32]int64{1: 5, 2: 5}, "", ""},
		{"size unknown, short last", unknown, nil, map[int32]int64{1: 5, 2: 1}, "", ""},
		{"size unknown, short before the last", unknown, nil, map[int32]int64{1: 4, 2: 1}, CodePartSizeMismatch,
			"part 1 has 4 bytes, but must have 5"},
		{"size unknown, long last", unknown, nil, map[int32]int64{1: 6}, CodePartSizeMismatch,
			"part 1 has 6 bytes, but must have at most 5"},
		{"size unknown, nothing", unknown, nil, nil, CodePartsMissing, "part 1 is missing"},
		{"size unknown, a gap", unknown, nil, map[int32]int64{1: 5, 10_000: 5}, CodePartsMissing,
			"parts 2 to 9999 are missing"},
	} {
		var parts []bucket.Part
		for n := int32(1); n <= s3limits.MaxParts; n++ {
			if size, ok := c.sizes[n]; ok {
				parts = append(parts, bucket.Part{Number: n, Size: size})
			}
		}
		err := c.plan.check(parts, c.size)
		if codeOf(err) != c.want || err != nil && err.(*Error).Fields[0].Detail != c.fault {
			t.Errorf("%s: got %+v, want %s %q", c.name, err, c.want, c.fault)
		}
	}
}
