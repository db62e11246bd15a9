package main

import (
	"fmt"
	"strconv"
)

// scaleSizes are the numbers of imports in the buckets that are compared, in ascending order.
var scaleSizes = []int{1000, 10_000, 100_000, 1_000_000}

// scaleRows returns the rows of the benchmark Scale: the calls of each operation and the memory at the largest size,
// and CPU times and memory at each size beside those at the smallest.
func scaleRows() (rows []row) {
	at := func(size int) string { return "Scale/" + strconv.Itoa(size) }
	smallest, largest := scaleSizes[0], scaleSizes[len(scaleSizes)-1]
	compare := func(what, unit string, goal float64) {
		rows = append(rows, row{what, at(smallest), "", unit, 0})
		for _, size := range scaleSizes[1:] {
			rows = append(rows, row{fmt.Sprintf("  with %d imports", size), at(size), at(smallest), unit, goal})
		}
	}
	for _, c := range []struct {
		what, name string
		calls      float64
	}{
		{"create", "create", 1},
		{"read", "read", 2},
		{"first page of 20", "first20", 2},
		{"last page of 20", "last20", 2},
		{"first page of 100", "first100", 2},
		{"last page of 100", "last100", 2},
	} {
		const withLease = 1.02 // the service renews the lease of sweeps meanwhile
		rows = append(rows,
			row{c.what + ", calls with 1,000,000 imports", at(largest), "", c.name + "-calls", c.calls * withLease})
		compare("  CPU time with 1,000 imports, µs", c.name+"-us", 1.2)
	}
	rows = append(rows, row{"sweep, calls for 500 of 1,000,000 imports", at(largest), "", "gc-calls", 1})
	compare("  CPU time for 1,000 imports of 1,000, µs", "gc-us", 1)
	for _, c := range [][2]string{
		{"service", "service"}, {"gc", "gc"}, {"list", "list"}, {"events dead", "dead"},
	} {
		compare("memory of "+c[0]+" with 1,000 imports, MiB", c[1]+"-MiB", 1.15)
	}
	return rows
}
