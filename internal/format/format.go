// Package format formats names, counts, sizes and times for people.
package format

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Name quotes a name that contains unprintable characters.
func Name(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// Count returns a count with its noun, such as "2 files".
func Count[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Bytes returns n in binary units, with two or three significant digits.
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 999.5 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	digits, scale := 1, 10.0
	if value >= 99.95 || value == math.Trunc(value) {
		digits, scale = 0, 1
	}
	value = math.Round(value*scale) / scale // a half is rounded up, as by toFixed in JavaScript
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + "KMGTP"[unit:unit+1] + "iB"
}

// Rate returns a number of bytes per second.
func Rate(rate float64) string { return Bytes(int64(rate)) + "/s" }

// Duration returns d in tenths of a second, seconds or minutes.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// Time returns t in local time, or "" if t is zero.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700")
}

// ShellQuote quotes path for a POSIX shell.
func ShellQuote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
