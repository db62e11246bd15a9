package imports

import (
	"maps"
	"testing"
)

// TestPartChecksums: each part to sign has a checksum if the import declared an algorithm, and no other part has one.
func TestPartChecksums(t *testing.T) {
	const digest = "AAAAAAAAAAE="
	for _, c := range []struct {
		name      string
		algorithm string
		checksums map[string]string
		want      map[string]string // the error of each member of checksums; "" is the member itself
	}{
		{"none declared", "", nil, nil},
		{"all", "crc64nvme", map[string]string{"2": digest, "3": digest}, nil},
		{"undeclared", "", map[string]string{"2": digest},
			map[string]string{"": "must not be given, because the import declared no checksum"}},
		{"one missing", "crc64nvme", map[string]string{"2": digest},
			map[string]string{"3": "is missing: the import declared the checksum algorithm crc64nvme"}},
		{"of another size", "crc64nvme", map[string]string{"2": digest, "3": "AAAA"},
			map[string]string{"3": "must be 8 bytes in standard base64 with padding, the size of a crc64nvme checksum"}},
		{"of other parts", "crc64nvme",
			map[string]string{"1": digest, "2": digest, "3": digest, "03": digest, "x": digest},
			map[string]string{"1": notSigned, "03": notSigned, "x": notSigned}},
	} {
		j := Job{Parts: &Parts{Plan: Plan{PartSize: 5, PartCount: 4}, Algorithm: c.algorithm}}
		parts, err := PartsRequest{Numbers: []int32{3, 2}, Checksums: c.checksums}.parts(j)
		got := map[string]string{}
		if err != nil {
			for _, f := range err.(*Error).Fields {
				got[append(f.Path, "")[1]] = f.Detail
			}
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: got errors %q, want %q", c.name, got, c.want)
		}
		if err == nil && (len(parts) != 2 || parts[1].Number != 3 || parts[1].Checksum != c.checksums["3"]) {
			t.Errorf("%s: got %+v, want parts 2 and 3 with their checksums", c.name, parts)
		}
	}
}

const notSigned = "belongs to a part that this request does not sign"
