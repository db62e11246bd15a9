//go:build race

package main

// Files with the constraint !race, and scripts with [race], test what the race detector has no part in: documents,
// manifests, output, and pages in a browser, whose requests other tests send too. TestPageFifty is the one page that it
// runs with. make test runs them, and make check does not repeat them.
const raceEnabled = true
