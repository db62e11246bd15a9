package main

import (
	"fmt"
	"slices"
)

// target is the required limit of a ratio.
type target struct {
	bound   float64
	atLeast bool // else at most
}

func atLeast(x float64) target { return target{x, true} }
func atMost(x float64) target  { return target{x, false} }

func (t target) String() string {
	sign := "≤"
	if t.atLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s %.3g", sign, t.bound)
}

// compare prints a row: the ratios of ours to theirs, for alternating slices.
func compare(what, beside string, ours, theirs []float64, t target, unit string) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	spread := fmt.Sprintf("%.3g–%.3g", slices.Min(ratios), slices.Max(ratios))
	printRow(
		what,
		beside,
		median(ratios),
		spread,
		t,
		fmt.Sprintf("%.4g beside %.4g %s", median(ours), median(theirs), unit),
	)
}

func printRow(what, beside string, ratio float64, spread string, t target, figures string) {
	verdict := " "
	if t.atLeast && ratio < t.bound || !t.atLeast && ratio > t.bound {
		verdict = "!" // missed
	}
	fmt.Printf("%-34s %-38s %8.3g%s %-15s %-8s %s\n", what, beside, ratio, verdict, spread, t, figures)
}

// compareAdded prints a row whose limit applies to the difference of ours and theirs.
func compareAdded(what, beside string, ours, theirs []float64, most float64, unit string) {
	added := make([]float64, len(ours))
	for i := range ours {
		added[i] = ours[i] - theirs[i]
	}
	spread := fmt.Sprintf("%.3g–%.3g", slices.Min(added), slices.Max(added))
	printRow(
		what,
		beside,
		median(added),
		spread,
		atMost(most),
		fmt.Sprintf("%s more: %.4g beside %.4g", unit, median(ours), median(theirs)),
	)
}

// printFigure prints a row without comparison.
func printFigure(what string, figure float64, spread string) {
	fmt.Printf("%-34s %-38s %8.3g  %s\n", what, "", figure, spread)
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}
