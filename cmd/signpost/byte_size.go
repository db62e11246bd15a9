package main

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// byteSize is a flag with a number of bytes.
type byteSize int64

var byteSizePattern = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?) ?(?:([KMGT])(iB|B)?|B)?$`)

// UnmarshalText parses 1048576, 1024K, 1MiB and 1.5M with units of 1024, and 1MB with units of 1000.
func (b *byteSize) UnmarshalText(text []byte) error {
	bad := errors.New("must be a size such as 64MiB, 5M, 100KiB or 5242880")
	found := byteSizePattern.FindStringSubmatch(string(text))
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
