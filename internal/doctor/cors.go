package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// otherOrigin is an origin that no store names: .invalid is reserved (RFC 2606).
const otherOrigin = "https://signpost.invalid"

// cors sends the requests of a page of each of CORSOrigins, and of one other origin.
func (d *doctor) cors(ctx context.Context) Finding {
	u := d.upload()
	put, err := d.store.SignPut(ctx, u)
	if err != nil {
		return failedCall("signing an upload", err, "s3:PutObject on imports/*")
	}
	var broken, faults []string
	for _, origin := range d.CORSOrigins {
		refused, hidden, err := d.pageFaults(ctx, origin, u, put)
		if err != nil {
			return fail("requests of a page: "+Cause(err),
				"check "+d.Names.PublicEndpoint+" and any proxy in front of the store")
		}
		broken, faults = append(broken, refused...), append(faults, hidden...)
	}
	refused, err := d.preflight(ctx, put, otherOrigin)
	others := err == nil && refused == ""
	if others && len(d.CORSOrigins) > 0 {
		faults = append(faults, "pages of every other origin may use signed URLs too")
	}
	switch {
	case len(broken) > 0:
		return fail(strings.Join(append(broken, faults...), "; "), d.corsRemedy(ctx))
	case len(faults) > 0:
		return warn(strings.Join(faults, "; "), d.corsRemedy(ctx))
	case len(d.CORSOrigins) > 0:
		return pass("only %s allowed, as configured", strings.Join(d.CORSOrigins, ", "))
	case others:
		return pass("no browser origins are set; the store allows all")
	}
	return pass("no browser origins are set")
}

// pageFaults sends the requests of a page of origin: a PUT and a form with their preflights, and a download. Refused
// are those that the browser would not send, hidden is what the page could not read.
func (d *doctor) pageFaults(
	ctx context.Context, origin string, u bucket.Upload, put bucket.SignedRequest,
) (refused, hidden []string, err error) {
	form, err := d.store.SignForm(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	get, err := d.store.SignGet(ctx, u.Key, "attachment", u.From, u.Until)
	if err != nil {
		return nil, nil, err
	}
	var lacking []string
	for _, r := range []bucket.SignedRequest{put, form} {
		why, err := d.preflight(ctx, r, origin)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			lacking = append(lacking, r.Method+" ("+why+")")
		}
	}
	page := sigv4.Header{Name: "Origin", Value: origin}
	stored, err := d.send(ctx, put, []byte("signpost doctor"), page)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(list(stored.header, "Expose-Headers"), isHeader("ETag")) {
		hidden = append(hidden, "ETag is not exposed to "+origin)
	}
	read, err := d.send(ctx, get, nil, page)
	if err != nil {
		return nil, nil, err
	}
	if !allowsOrigin(read, origin) {
		lacking = append(lacking, "GET")
	}
	if len(lacking) > 0 {
		return []string{fmt.Sprintf("refused to pages of %s: %s", origin, strings.Join(lacking, ", "))}, nil, nil
	}
	return nil, hidden, nil
}

// preflight sends the preflight of a page of origin for r, and returns why the browser would not send r: empty if it
// would.
func (d *doctor) preflight(ctx context.Context, r bucket.SignedRequest, origin string) (string, error) {
	headers := []sigv4.Header{
		{Name: "Origin", Value: origin}, {Name: "Access-Control-Request-Method", Value: r.Method},
	}
	var wanted []string
	if r.Method == http.MethodPut { // headers that imports may sign
		wanted = []string{"content-disposition", "content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-name"}
		headers = append(headers, sigv4.Header{Name: "Access-Control-Request-Headers", Value: strings.Join(wanted, ",")})
	}
	a, err := d.request(ctx, http.MethodOptions, r.URL.Reveal(), headers, nil)
	switch {
	case err != nil:
		return "", err
	case !a.ok():
		return a.String(), nil
	case !allowsOrigin(a, origin):
		return "the preflight names no such origin", nil
	case r.Method == http.MethodPut && !slices.ContainsFunc(list(a.header, "Allow-Methods"), isHeader(r.Method)):
		return "the preflight does not allow the method", nil
	}
	allowed := list(a.header, "Allow-Headers")
	wanted = slices.DeleteFunc(wanted, func(name string) bool { return slices.ContainsFunc(allowed, isHeader(name)) })
	if len(wanted) > 0 {
		return "the preflight does not allow " + strings.Join(wanted, ", "), nil
	}
	return "", nil
}

func allowsOrigin(a answer, origin string) bool {
	allowed := a.header.Get("Access-Control-Allow-Origin")
	return allowed == origin || allowed == "*"
}

// list returns the elements of a header of CORS.
func list(header http.Header, name string) []string {
	return strings.Split(strings.Join(header.Values("Access-Control-"+name), ","), ",")
}

// isHeader returns a function that reports whether an element of a list names or includes name.
func isHeader(name string) func(string) bool {
	return func(element string) bool {
		element = strings.TrimSpace(element)
		return element == "*" || strings.EqualFold(element, name)
	}
}

// corsRemedy says where this store takes its CORS rules from.
func (d *doctor) corsRemedy(ctx context.Context) string {
	rules, err := d.store.CORS(ctx)
	switch {
	case d.isMinIO():
		return "run mc admin config set ALIAS api cors_allow_origin=" + strings.Join(d.CORSOrigins, ",")
	case bucket.Unsupported(err):
		return "allow exactly these origins in the store's settings, or in a proxy in front of it"
	}
	rule := bucket.CORSRule(d.CORSOrigins)
	remedy := fmt.Sprintf(
		"give the bucket one CORS rule: exactly these origins, methods %s, all headers (%s), exposed ETag",
		strings.Join(rule.AllowedMethods, ", "), strings.Join(rule.AllowedHeaders, ", "))
	if len(rules) == 0 && !bucket.OnAWS(d.settings) {
		remedy += "; if it takes none, allow them in the store's settings, or in a proxy in front of it"
	}
	return remedy
}

// isMinIO reports whether the store says that it is MinIO, which takes rules in its own settings that others take from
// the bucket.
func (d *doctor) isMinIO() bool { return strings.HasPrefix(d.inspection.Server, "MinIO") }
