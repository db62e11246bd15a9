package doctor

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

const (
	abort = `<Rule><Status>Enabled</Status><Filter><Prefix>imports/</Prefix></Filter><AbortIncompleteMultipartUpload>` +
		`<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`
	jobs = `<Rule><Status>Enabled</Status><Filter><Prefix>jobs/</Prefix></Filter>` +
		`<Expiration><Days>30</Days></Expiration></Rule>`
	idem = `<Rule><Status>Enabled</Status><Filter><Prefix>idem/</Prefix></Filter>` +
		`<Expiration><Days>7</Days></Expiration></Rule>`
)

// answerFor responds to reads of one bucket setting and forwards all other requests.
func answerFor(query string, status int, body string) doer {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has(query) && r.Method == "GET" && !strings.Contains(r.URL.Path, "imports/") {
			return respond(r, status, body)
		}
		return http.DefaultClient.Do(r)
	}
}

// refuseSetting refuses reads of one bucket setting.
func refuseSetting(query string, status int, code string) doer {
	return answerFor(query, status, "<Error><Code>"+code+"</Code></Error>")
}

// asServer answers as a store of this name.
func asServer(name string, next doer) doer {
	return func(r *http.Request) (*http.Response, error) {
		response, err := next(r)
		if err == nil {
			response.Header.Set("Server", name)
		}
		return response, err
	}
}

func lifecycle(rules ...string) doer {
	return answerFor("lifecycle", 200, "<LifecycleConfiguration>"+strings.Join(rules, "")+"</LifecycleConfiguration>")
}

func TestLifecycle(t *testing.T) {
	testCheck(t, "lifecycle rules", []faultRow{
		{name: "complete lifecycle rules", fault: lifecycle(abort, jobs, idem),
			mark: Pass, found: "objects do not expire"},
		{name: "one rule for all", fault: lifecycle(strings.ReplaceAll(abort+jobs,
			"</Rule><Rule><Status>Enabled</Status><Filter><Prefix>jobs/</Prefix></Filter>", "")),
			mark: Warn, found: "no rule expires jobs/"},
		{name: "one rule for the bucket",
			fault: lifecycle(strings.NewReplacer("<Prefix>imports/</Prefix>", "<Prefix></Prefix>", "</Rule>",
				"<Expiration><Days>8</Days></Expiration></Rule>").Replace(abort)),
			mark: Pass, found: "objects expire after 192h"},
		{name: "no rules", fault: refuseSetting("lifecycle", 404, "NoSuchLifecycleConfiguration"),
			mark: Warn, found: "no rule aborts incomplete uploads under imports/; no rule expires jobs/; no rule expires idem/"},
		{name: "no rule for given up events", fault: lifecycle(abort, jobs, idem),
			options: func(o *Options) { o.Events = true }, mark: Warn, found: "no rule expires outbox/"},
		{name: "a rule is disabled", fault: lifecycle(strings.Replace(abort, "Enabled", "Disabled", 1), jobs, idem),
			mark: Warn, found: "no rule aborts"},
		{name: "a rule for one owner", fault: lifecycle(strings.Replace(abort, "imports/", "imports/a/", 1), jobs, idem),
			mark: Warn, found: "no rule aborts"},
		{name: "a rule for one tag", fault: lifecycle(abort, jobs,
			strings.Replace(idem, "<Prefix>idem/</Prefix>",
				"<And><Prefix>idem/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>", 1)),
			mark: Warn, found: "no rule expires idem/"},
		{name: "uploads aborted too soon", fault: lifecycle(strings.Replace(abort, ">7<", ">6<", 1), jobs, idem),
			mark: Warn, found: `under "imports/" after 144h, sooner than SIGNPOST_JOB_TTL=168h`},
		{name: "objects expire too soon",
			fault: lifecycle(abort, jobs, idem, strings.NewReplacer("jobs/", "imports/", ">30<", ">1<").Replace(jobs)),
			mark:  Warn, found: "a rule expires imports/ after 24h"},
		{name: "records expire too soon", fault: lifecycle(abort, strings.Replace(jobs, ">30<", ">6<", 1), idem),
			mark: Warn, found: "a rule expires jobs/ after 144h"},
		{name: "MinIO without rules",
			fault: asServer("MinIO", refuseSetting("lifecycle", 404, "NoSuchLifecycleConfiguration")),
			mark:  Warn, found: "no rule expires jobs/; no rule expires idem/"},
		{name: "MinIO with the rules that it accepts", fault: asServer("MinIO", lifecycle(jobs, idem)),
			mark: Pass, found: "MinIO itself aborts uploads, after 24h unless its stale_uploads_expiry is longer"},
		{name: "lifecycle: access denied", fault: refuseSetting("lifecycle", 403, "AccessDenied"),
			mark: Warn, found: "lack s3:GetLifecycleConfiguration"},
		{name: "lifecycle: 405", fault: refuseSetting("lifecycle", 405, "MethodNotAllowed"),
			mark: Warn, found: "the store has no lifecycle rules"},
		{name: "lifecycle: no answer", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("lifecycle") {
				return nil, context.DeadlineExceeded
			}
			return http.DefaultClient.Do(r)
		}, mark: Warn, found: "the store did not respond in time"},
		{name: "lifecycle: no XML", fault: answerFor("lifecycle", 200, "{}"),
			mark: Warn, found: ""},
		{name: "lifecycle: empty rule", fault: lifecycle("<Rule></Rule>"),
			mark: Warn, found: "no rule aborts"},
	})
}
