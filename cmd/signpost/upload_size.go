package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// byteSize is a number of bytes as people write it.
type byteSize int64

var written = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?) ?(?:([KMGT])(iB|B)?|B)?$`)

// UnmarshalText reads 1048576, 1024K, 1MiB and 1.5M, which count by 1024, and 1MB, which counts by 1000.
func (b *byteSize) UnmarshalText(text []byte) error {
	bad := errors.New("must be a size such as 64MiB, 5M, 100KiB or 5242880")
	found := written.FindStringSubmatch(string(text))
	if found == nil {
		return bad
	}
	number, err := strconv.ParseFloat(found[1], 64)
	unit := 1024.0
	if strings.EqualFold(found[3], "B") {
		unit = 1000
	}
	if found[2] != "" {
		number *= math.Pow(unit, float64(1+strings.Index("KMGT", strings.ToUpper(found[2]))))
	}
	if err != nil || number < 1 || number > 1<<50 {
		return bad
	}
	*b = byteSize(number)
	return nil
}

// inBytes writes n with two or three digits that matter.
func inBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 999.5 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	digits := 1
	if value >= 99.95 || value == math.Trunc(value) {
		digits = 0
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + "KMGTP"[unit:unit+1] + "iB"
}
