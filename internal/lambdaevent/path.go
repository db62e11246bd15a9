package lambdaevent

import (
	"net/url"
	"slices"
	"strings"
)

// path returns the path as the OpenAPI document has it: without stage or base path, and escaped as the client sent it.
func (e *event) path(from integration) string {
	switch declared := e.Resource; from {
	case loadBalancer:
		return e.Path
	case http2:
		_, declared, _ = strings.Cut(e.RouteKey, " ") // empty for $default
		return e.trimBasePath(e.trimStage(e.RawPath), declared)
	default:
		if declared == "$default" { // an HTTP API
			return e.trimStage(e.Path)
		}
		return e.trimBasePath(e.Path, declared)
	}
}

// basePath returns the stage or base path that precedes path in the client's URL. Payload format 2.0 contains the stage
// but no base path of a custom domain.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func (e *event) basePath(from integration) string {
	full := e.Context.Path // empty for a load balancer
	if from == http2 && strings.HasPrefix(e.Context.DomainName, e.Context.APIID+".execute-api.") {
		full = e.RawPath
	}
	base, ok := strings.CutSuffix(strings.TrimSuffix(full, "/"), strings.TrimSuffix(e.path(from), "/"))
	if !ok {
		return ""
	}
	return base
}

// trimStage removes an HTTP API's stage from the path. $default is not part of the path.
func (e *event) trimStage(path string) string {
	if stage := "/" + e.Context.Stage; strings.HasPrefix(path, stage+"/") {
		return path[len(stage):]
	}
	return path
}

// trimBasePath returns the end of path that matches the path template declared: as many segments or, for a greedy
// {proxy+}, its value and the segments before it.
func (e *event) trimBasePath(path, declared string) string {
	if i := strings.LastIndex(declared, "/{"); i >= 0 && strings.HasSuffix(declared, "+}") {
		before, name := declared[:i], strings.TrimSuffix(declared[i+2:], "+}")
		taken := e.PathParameters[name] // raw or decoded
		for i := len(path) - 1; i >= 0; i-- {
			rest := path[i+1:]
			if decoded, err := url.PathUnescape(rest); path[i] == '/' && (rest == taken || err == nil && decoded == taken) {
				return lastSegments(path[:i], strings.Count(before, "/")) + "/" + rest
			}
		}
		return before + "/" + taken
	}
	if n := strings.Count(declared, "/"); declared != "/" && n > 0 {
		return lastSegments(strings.TrimSuffix(path, "/"), n)
	}
	return path
}

// lastSegments returns the end of path that has n slashes, or all of it.
func lastSegments(path string, n int) string {
	segments := strings.Split(path, "/")
	if n == 0 {
		return ""
	}
	if n < len(segments) {
		segments = segments[len(segments)-n:]
		return "/" + strings.Join(segments, "/")
	}
	return path
}

// query returns the raw query. Load balancers pass names and values unchanged, REST APIs decode them.
func (e *event) query(from integration) string {
	if from == http2 {
		return e.RawQuery
	}
	values := e.MultiValueQuery
	if len(values) == 0 {
		values = map[string][]string{}
		for name, value := range e.Query {
			values[name] = []string{value}
		}
	}
	if from == rest {
		return url.Values(values).Encode()
	}
	var pairs []string
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
