package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/signpost-s3/signpost/gen/client"
)

// choose chooses files in the file field.
func (b *tab) choose(paths ...string) {
	b.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), paths))
}

// drop drags files to the page and drops them.
func (b *tab) drop(paths ...string) {
	b.Helper()
	at := eval[struct{ X, Y float64 }](b, `(() => {
		const r = document.querySelector("#drop").getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`)
	for _, kind := range []input.DispatchDragEventType{"dragEnter", "dragOver", "drop"} {
		call(b, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: at.X, Y: at.Y,
			Data: &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}})
	}
}

// offline disconnects the page from the network, or connects it again.
func (b *tab) offline(away bool) {
	b.Helper()
	rate := float64(-1)
	if away {
		rate = 0
	}
	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: away, DownloadThroughput: rate,
		UploadThroughput: rate})
	call(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: away, DownloadThroughput: -1, UploadThroughput: -1}}})
}

// limitUploads limits the rate of uploads of the page, in bytes per second; -1 means unlimited.
func (b *tab) limitUploads(rate float64) {
	b.Helper()
	call(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: rate}}})
}

// holdParts makes the requests that upload parts wait in the browser, from the part number first on, until the test
// releases them. So the upload is in progress for as long as a test needs.
func (b *tab) holdParts(first int) {
	b.Helper()
	var patterns []*fetch.RequestPattern
	for number := first; number < first+10; number++ { // more than the files of tests have
		patterns = append(patterns, &fetch.RequestPattern{URLPattern: fmt.Sprintf("*partNumber=%d&*", number)})
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: patterns})
}

func (b *tab) releaseParts() {
	b.Helper()
	call(b, fetch.Disable, cdp.Empty{})
}

// row returns the expression for the row of a file, which may be undefined.
func row(name string) string {
	quoted, _ := json.Marshal(name)
	return fmt.Sprintf(`[...document.querySelectorAll("li.upload")].findLast((r) => r.dataset.name === %s)`, quoted)
}

// state waits until the file's row is in one of these states, and returns the import's id.
func (b *tab) state(name string, states ...string) (id string) {
	b.Helper()
	wanted, _ := json.Marshal(states)
	b.until(fmt.Sprintf("%s becomes %s", name, strings.Join(states, " or ")),
		fmt.Sprintf(`%s.includes(%s?.dataset.state)`, wanted, row(name)))
	return eval[string](b, row(name)+`.dataset.id ?? ""`)
}

// share waits until this share of the file is sent.
func (b *tab) share(name string, least float64) {
	b.Helper()
	b.until(fmt.Sprintf("%s is sent to %v", name, least),
		fmt.Sprintf(`(%[1]s?.querySelector("progress").position ?? 0) >= %[2]v`, row(name), least))
}

// press focuses and clicks a button of the file's row, as a mouse or a keyboard does.
func (b *tab) press(name, action string) {
	b.Helper()
	b.until(action+" can be pressed", fmt.Sprintf(`%s?.querySelector("button[data-action=%s]:not([hidden])") != null`,
		row(name), action))
	eval[any](b, fmt.Sprintf(`(() => {
		const b = %s.querySelector("button[data-action=%s]");
		b.focus();
		b.click();
		return null;
	})()`, row(name), action))
}

// focused returns the action of the focused button, the file of the focused row, or the id of another element.
func (b *tab) focused() string {
	b.Helper()
	return eval[string](b, `(({ dataset, id, tagName }) =>
		dataset.action ?? dataset.name ?? (id || tagName))(document.activeElement)`)
}

// hold makes the page's next API request of this method, whose path ends in suffix, wait until the test releases it.
func (b *tab) hold(method, suffix string) {
	b.Helper()
	eval[any](b, fmt.Sprintf(`(() => {
		const send = window.fetch;
		window.heldRequests ??= [];
		window.fetch = async (path, how) => {
			if (how?.method !== %q || !path.endsWith(%q)) return send(path, how);
			window.fetch = send;
			const problem = await new Promise((release) => window.heldRequests.push(release));
			return problem.status ? new Response(JSON.stringify(problem), problem) : send(path, how);
		};
		return null;
	})()`, method, suffix))
}

// held waits until a request is held.
func (b *tab) held(what string) {
	b.Helper()
	b.until(what, `window.heldRequests.length > 0`)
}

// release sends the oldest request that is held or, if problem has a status, answers it.
func (b *tab) release(problem client.Problem) {
	b.Helper()
	answer, _ := json.Marshal(problem)
	eval[any](b, fmt.Sprintf(`window.heldRequests.shift()(%s); null`, answer))
}

// call sends a command to the browser.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.Fatal(err)
	}
}
