//go:build !race

package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/openapi"
)

// FuzzValidator checks that the validator rejects what openapi3filter rejects, that each further rejection violates
// one of stricterRules, and that an accepted request reaches the handler unchanged.
func FuzzValidator(f *testing.F) {
	if testing.Short() {
		f.Skip("has many seeds")
	}
	j := newValidators(f)
	for i, o := range j.operations {
		add := func(s sentRequest) { f.Add(byte(i), s.id, s.query, s.head, s.body) }
		g := j.generator(0, 0)
		for _, p := range o.Parameters {
			for _, edge := range g.edgeCases(p.Value.Schema.Value) {
				s := sentRequest{contractOperation: o, id: g.request(o).id}
				s.put(p.Value, strings.Trim(edge, `"`))
				add(s)
			}
		}
		if o.RequestBody != nil {
			for _, edge := range slices.Concat(g.edgeCases(o.schema()), fragments) {
				add(sentRequest{o, g.request(o).id, "", jsonType, []byte(edge)})
			}
		}
		for seed := range uint64(100) {
			add(j.generator(seed, 0.2).request(o))
		}
	}
	f.Fuzz(func(t *testing.T, i byte, id, query, head string, body []byte) {
		j.compare(t, sentRequest{j.operations[int(i)%len(j.operations)], id, query, head, body})
	})
}

// TestValidator checks the same for generated requests. A third of them are valid and must be accepted; the others
// have few or many errors. With SIGNPOST_TEST_LARGE there are 100,000.
func TestValidator(t *testing.T) {
	cases := 10_000
	if testing.Short() {
		cases = 300
	} else if os.Getenv("SIGNPOST_TEST_LARGE") != "" {
		cases = 100_000
	}
	j := newValidators(t)
	outcomes := map[string]int{}
	for seed := range uint64(cases) {
		g := j.generator(seed, []float64{0, 0.04, 0.2}[seed%3])
		s := g.request(oneOf(g, j.operations...))
		outcome := j.compare(t, s)
		if g.odd == 0 && outcome != bothAccept {
			t.Errorf("%s\n%s, want it accepted", s, outcome)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		outcomes[outcome]++
	}
	t.Log(outcomes)
	for _, rule := range stricterRules {
		if outcomes[rule.name] == 0 && !testing.Short() {
			t.Errorf("nothing was refused for %s, so nothing is known of it", rule.name)
		}
	}
}

// rejections are all errors that validation may return.
var rejections = []string{
	"400 body-missing", "400 invalid-json", "400 invalid-request", "404 import-not-found", "404 not-found",
	"405 method-not-allowed",
	"415 unsupported-charset", "415 unsupported-content-encoding", "415 unsupported-media-type",
}

// stricterRules are the rules beyond those of openapi3filter. A request that violates one with status 400 must be
// rejected. The maximum depth is not among them: the document's objects are closed, so both reject deep values.
var stricterRules = []struct {
	name, rejection string
	broken          func(parsedRequest) bool
}{
	{"invalid UTF-8", "400 invalid-json", func(h parsedRequest) bool { return !utf8.Valid(h.body) }},
	{"more than one value", "400 invalid-json", func(h parsedRequest) bool {
		return len(h.body) > 0 && !json.Valid(h.body)
	}},
	{"a member twice", "400 invalid-json", func(h parsedRequest) bool {
		return len(h.body) > 0 && !jsontext.Value(h.body).IsValid(jsontext.AllowInvalidUTF8(true))
	}},
	{"half a surrogate pair", "400 invalid-json", func(h parsedRequest) bool {
		return len(h.body) > 0 && !jsontext.Value(h.body).IsValid(jsontext.AllowDuplicateNames(true))
	}},
	{"an integer as 1.0 or 1e3", "400 invalid-request", func(h parsedRequest) bool {
		return oddNumber.Match(jsonString.ReplaceAll(h.body, nil))
	}},
	{"a parameter twice", "400 invalid-request", func(h parsedRequest) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(h.values)), func(v []string) bool { return len(v) > 1 })
	}},
	{"a parameter as +1 or 01", "400 invalid-request", func(h parsedRequest) bool {
		return slices.ContainsFunc([]string{"limit", "after", "wait"},
			func(name string) bool { return !plainDigits.MatchString(h.values.Get(name)) })
	}},
	{"another spelling of an id", "404 import-not-found", isOtherPath},
	{"another spelling of a path", "404 not-found", isOtherPath},
	{"a charset", "415 unsupported-charset", func(h parsedRequest) bool {
		media := strings.ToLower(h.Header.Get("Content-Type"))
		return strings.Contains(media, "charset") && !strings.Contains(media, "utf-8")
	}},
	{"a media type not in order", "415 unsupported-media-type", func(h parsedRequest) bool {
		return len(h.Header.Values("Content-Type")) > 1 || !plainType.MatchString(h.Header.Get("Content-Type"))
	}},
	{
		"a compressed body",
		"415 unsupported-content-encoding",
		func(h parsedRequest) bool { return h.Header.Get("Content-Encoding") != "" },
	},
}

var (
	jsonString  = regexp.MustCompile(`"([^"\\]|\\.)*"`)
	oddNumber   = regexp.MustCompile(`[0-9][.eE]`)
	plainDigits = regexp.MustCompile(`^(|0|-?[1-9][0-9]*)$`)
	plainPath   = regexp.MustCompile(`^/import(/[^/%]+)*$`)
	plainType   = regexp.MustCompile(`(?i)^application/json *(; *[a-z]+=[a-z0-9-]+)?$`) // these requests must be accepted
)

func isOtherPath(h parsedRequest) bool { return !plainPath.MatchString(h.URL.EscapedPath()) }

// parsedRequest is a request with an operation's parameters (except those in the path) and body.
type parsedRequest struct {
	*http.Request
	values url.Values
	body   []byte
}

func parseRequest(r *http.Request, o *openapi3.Operation, body []byte) parsedRequest {
	h := parsedRequest{r, url.Values{}, nil}
	for _, p := range o.Parameters {
		switch p.Value.In {
		case openapi3.ParameterInQuery:
			h.values[p.Value.Name] = r.URL.Query()[p.Value.Name]
		case openapi3.ParameterInHeader:
			h.values[p.Value.Name] = r.Header.Values(p.Value.Name)
		}
	}
	if o.RequestBody != nil {
		h.body = body
	}
	return h
}

// validators are our validator and openapi3filter, on the same document.
type validators struct {
	operations []contractOperation // all, sorted
	ours       *echo.Echo
	received   any // what the generated code passed to the handler; nil if it was not called
	theirs     routers.Router
	edges      map[*openapi3.Schema][]string
}

type contractOperation struct {
	method, path string
	*openapi3.Operation
}

func (o contractOperation) schema() *openapi3.Schema {
	return o.RequestBody.Value.Content["application/json"].Schema.Value
}

func newValidators(t testing.TB) *validators {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	j := &validators{ours: newEcho(Options{Log: slog.New(slog.DiscardHandler)}), edges: map[*openapi3.Schema][]string{}}
	contract.Servers = nil // with the server /, the router decodes an id before it compares it with the pattern
	if j.theirs, err = legacy.NewRouter(contract); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(contract.Paths.Map())) {
		operations := contract.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			j.operations = append(j.operations, contractOperation{method, path, operations[method]})
		}
	}
	j.ours.Use(inOrder(validate(func() (*openapi3.T, error) { return contract, nil })), j.validateAnother)
	api.RegisterHandlers(j.ours, receiver{j})
	return j
}

// receiver implements api.ServerInterface. It stores what a handler receives.
type receiver struct{ *validators }

type receivedRequest[Params, Body any] struct {
	ID     string
	Params Params
	Body   *Body
}

// none are the parameters or the body of an operation without them.
type none struct{}

func receive[Params, Body any](r receiver, c echo.Context, id string, params Params) error {
	got := receivedRequest[Params, Body]{ID: id, Params: params}
	if x := c.(*exchange); x.body != nil {
		if err := x.decodeBody(&got.Body); err != nil {
			return err
		}
	}
	r.received = got
	return nil
}

func (r receiver) CreateImport(c echo.Context, params api.CreateImportParams) error {
	return receive[api.CreateImportParams, api.ImportRequest](r, c, "", params)
}

func (r receiver) ListImports(c echo.Context, params api.ListImportsParams) error {
	return receive[api.ListImportsParams, none](r, c, "", params)
}

func (r receiver) GetImport(c echo.Context, id string, params api.GetImportParams) error {
	return receive[api.GetImportParams, none](r, c, id, params)
}

func (r receiver) HeadImport(c echo.Context, id string, params api.HeadImportParams) error {
	return receive[api.HeadImportParams, none](r, c, id, params)
}

func (r receiver) DeleteImport(c echo.Context, id string) error {
	return receive[none, none](r, c, id, none{})
}

func (r receiver) SignParts(c echo.Context, id string) error {
	return receive[none, api.PartsRequest](r, c, id, none{})
}

func (r receiver) ListParts(c echo.Context, id string, params api.ListPartsParams) error {
	return receive[api.ListPartsParams, none](r, c, id, params)
}

func (r receiver) CompleteImport(c echo.Context, id string) error {
	return receive[none, api.CompleteRequest](r, c, id, none{})
}

const bothAccept, bothReject = "accepted by both", "rejected by both"

// compare sends a request to both and returns the outcome: accepted, rejected by both, or the violated stricter rule.
func (j *validators) compare(t testing.TB, s sentRequest) string {
	t.Helper()
	r, again := s.request(), s.request()
	if r == nil {
		return bothReject
	}
	operation, filter := j.filter(again)
	received, rejection := j.answer(r)
	switch {
	case received == nil && !slices.Contains(rejections, rejection):
		t.Errorf("%s\nours answers %s, want one of %q", s, rejection, rejections)
		return ""
	case received != nil && filter != nil:
		t.Errorf("%s\nours accepts, openapi3filter says %v", s, filter)
		return ""
	case filter != nil:
		return bothReject
	}
	h := parseRequest(r, operation, s.body)
	for _, rule := range stricterRules {
		switch broken := rule.broken(h); {
		case broken && rule.rejection == rejection:
			return rule.name
		case broken && received != nil && strings.HasPrefix(rule.rejection, "400"):
			t.Errorf("%s\nours accepts %s", s, rule.name)
		}
	}
	if received == nil {
		t.Errorf("%s\nours answers %s, openapi3filter accepts, and no stricter rule is broken", s, rejection)
	} else if want, err := h.expected(received); err != nil || !reflect.DeepEqual(received, want) {
		got, _ := json.Marshal(received)
		expected, _ := json.Marshal(want)
		t.Errorf("%s\nhandler got %s, want %s %v", s, got, expected, err)
	}
	return bothAccept
}

// answer returns what our handler received, or the status and code of the error.
func (j *validators) answer(r *http.Request) (received any, rejection string) {
	j.received = nil
	recorder := httptest.NewRecorder()
	j.ours.ServeHTTP(recorder, r)
	var p api.Problem
	_ = json.Unmarshal(recorder.Body.Bytes(), &p) // what is no problem document has no code, and that is no refusal
	return j.received, fmt.Sprint(recorder.Code, " ", p.Code)
}

// validateAnother validates one more, invalid request between validation and handler, to detect reused memory.
func (j *validators) validateAnother(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := httptest.NewRequest("POST", "/import", strings.NewReader(strings.Repeat("!", 1<<10)))
		r.Header.Set("Content-Type", "application/json")
		j.ours.ServeHTTP(httptest.NewRecorder(), r)
		return next(c)
	}
}

// filter returns the error of openapi3filter with its own router. It does not check credentials.
func (j *validators) filter(r *http.Request) (*openapi3.Operation, error) {
	route, params, err := j.theirs.FindRoute(r)
	if err != nil {
		return nil, err
	}
	return route.Operation, openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
}

// expected returns what the handler should receive: body and parameters as encoding/json reads them, in the type of
// received.
func (h parsedRequest) expected(received any) (any, error) {
	whole, params := map[string]any{}, map[string]any{}
	if steps := strings.Split(h.URL.EscapedPath(), "/"); len(steps) > 2 {
		whole["id"] = steps[2]
	}
	for name, values := range h.values {
		whole["Params"] = params
		for _, value := range values {
			params[name] = value
			if name == "limit" || name == "after" || name == "wait" {
				params[name] = json.Number(value)
			}
		}
	}
	if len(h.body) > 0 {
		whole["Body"] = json.RawMessage(h.body)
	}
	document, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	want := reflect.New(reflect.TypeOf(received))
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	err = d.Decode(want.Interface())
	return want.Elem().Interface(), err
}

// sentRequest is a raw request: the operation, the value of {id}, the query, header lines, body.
type sentRequest struct {
	contractOperation
	id, query, head string
	body            []byte
}

// request returns nil for requests that net/http rejects.
func (s sentRequest) request() *http.Request {
	head := s.method + " " + strings.Replace(
		s.path,
		"{id}",
		s.id,
		1,
	) + "?" + s.query + " HTTP/1.1\r\n" + s.head + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return nil
	}
	if r.ContentLength = int64(len(s.body)); r.TransferEncoding != nil {
		r.ContentLength = -1 // unknown
	}
	r.Body = io.NopCloser(bytes.NewReader(s.body))
	return r
}

func (s sentRequest) String() string {
	return fmt.Sprintf("%s %s, id %q?%s\n%s%q", s.method, s.path, s.id, s.query, s.head, s.body)
}

// put appends a value of a parameter.
func (s *sentRequest) put(p *openapi3.Parameter, value string) {
	switch p.In {
	case openapi3.ParameterInPath:
		s.id = url.PathEscape(value)
	case openapi3.ParameterInQuery:
		s.query += p.Name + "=" + url.QueryEscape(value) + "&"
	case openapi3.ParameterInHeader:
		s.head += p.Name + ": " + value + "\r\n"
	}
}

// requestGenerator generates requests from the document. A share odd of values and spellings is invalid.
type requestGenerator struct {
	*rand.Rand
	*validators
	odd float64
}

func (j *validators) generator(seed uint64, odd float64) *requestGenerator {
	return &requestGenerator{rand.New(rand.NewPCG(seed, 0)), j, odd}
}

func (g *requestGenerator) invalid() bool { return g.odd > 0 && g.Float64() < g.odd }

func oneOf[T any](g *requestGenerator, from ...T) T { return from[g.IntN(len(from))] }

const jsonType = "Content-Type: application/json"

func (g *requestGenerator) request(o contractOperation) sentRequest {
	s := sentRequest{contractOperation: o}
	for _, p := range o.Parameters {
		for again := p.Value.Required || g.IntN(2) == 0; again; again = g.invalid() {
			value := g.value(p.Value.Schema.Value)
			if raw, ok := value.(json.RawMessage); ok {
				value = strings.Trim(string(raw), `"`)
			}
			if g.invalid() {
				value = oneOf(g, "+", "0", "-", " ", "é") + fmt.Sprint(value)
			}
			s.put(p.Value, fmt.Sprint(value))
		}
	}
	if g.invalid() {
		s.id = oneOf(g, s.id+"/", s.id+"/parts", s.id+"?", "?", "%30"+s.id, strings.Replace(s.id, "-", "%2d", 1))
	}
	if o.RequestBody == nil || (!o.RequestBody.Value.Required || g.invalid()) && g.IntN(10) == 0 {
		return s
	}
	media := jsonType
	if g.invalid() {
		media += oneOf(g, "", ";", ";;", "; charset=UTF-8", ";charset=latin1", "; v=1", "5", "\r\n"+jsonType)
	}
	for s.head += media + "\r\n"; g.invalid(); {
		s.head += oneOf(
			g,
			"Content-Encoding: gzip",
			"Content-Encoding: identity",
			"Transfer-Encoding: chunked",
			"X:",
		) + "\r\n"
	}
	s.body, _ = json.Marshal(g.value(o.schema()))
	s.body = jsonToken.ReplaceAllFunc(s.body, g.rewriteToken)
	for g.invalid() {
		at := oneOf(g, g.IntN(len(s.body)+1), len(s.body))
		end := min(len(s.body), at+oneOf(g, 0, 0, 1, 8, 1<<20))
		s.body = slices.Concat(s.body[:at], []byte(oneOf(g, fragments...)), s.body[end:])
	}
	return s
}

// jsonToken matches a string, a number, or a character.
var jsonToken = regexp.MustCompile(`"[^"\\]*":[^][{},\\]*,|"(?:[^"\\]|\\.)*"|[0-9]+|.`)

// rewriteToken writes a JSON token differently, mostly with the same meaning.
func (g *requestGenerator) rewriteToken(token []byte) []byte {
	if !g.invalid() {
		return token
	}
	first, size := utf8.DecodeRune(token[min(1, len(token)-1):])
	switch {
	case token[len(token)-1] == ',' && len(token) > 1:
		return slices.Concat(token, token)
	case token[0] == '"' && first != '\\' && first != '"':
		escaped := []byte(oneOf(g, `"`, `"`, `"`, `"\uDFFF`))
		for _, unit := range utf16.Encode([]rune{first}) {
			escaped = fmt.Appendf(escaped, oneOf(g, `\u%04x`, `\u%04X`), unit)
		}
		return append(escaped, token[1+size:]...)
	case '0' <= token[0] && token[0] <= '9':
		return fmt.Appendf(nil, oneOf(g, "%s.0", "%se0", "%s0e-1", "%sE+00", "+%s", "0%s"), token)
	}
	return fmt.Appendf(nil, oneOf(g, " %s", "\t%s\r\n"), token)
}

// value returns a value that schema permits, except for oddities.
func (g *requestGenerator) value(schema *openapi3.Schema) any {
	switch {
	case g.invalid():
		return json.RawMessage(oneOf(g, g.edgeCases(schema)...))
	case len(schema.Enum) > 0:
		return oneOf(g, schema.Enum...)
	case schema.Type.Is("boolean"):
		return g.IntN(2) == 0
	case schema.Type.Is("integer"):
		least, most := int64(*schema.Min), int64(*schema.Max)
		return oneOf(g, least, most, least+g.Int64N(most-least+1))
	case schema.Type.Is("array"):
		return g.values(schema.Items.Value, int(schema.MinItems)+g.IntN(3))
	case schema.Type.Is("string"):
		length := int(schema.MinLength) + g.IntN(20)
		if schema.MaxLength != nil {
			length = min(length+g.IntN(2)*g.IntN(300), int(*schema.MaxLength))
		}
		return g.lengthen(oneOf(g, matching(schema)...), length, schema.Pattern)
	}
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if slices.Contains(schema.Required, name) && !g.invalid() || g.IntN(2) == 0 {
			object[name] = g.value(schema.Properties[name].Value)
		}
	}
	if others := schema.AdditionalProperties.Schema; others != nil {
		for _, value := range g.values(others.Value, g.IntN(4)) {
			object[oneOf(g, "a", "7", "10000", "é", "a/b~", "", "😀", "<&>")] = value
		}
	}
	if g.invalid() { // some names differ only in case from known ones, some are known elsewhere
		name := oneOf(g, "Size", "\u017Fize", "chec\u212Asum", "FIRST", "size", "first", "checksum", "algorithm", "x", "")
		object[name] = oneOf(g, any(maps.Clone(object)), nil, 1, "a")
	}
	return object
}

func (g *requestGenerator) values(schema *openapi3.Schema, n int) []any {
	values := make([]any, n)
	for i := range values {
		values[i] = g.value(schema)
	}
	return values
}

// validStrings contains a match of each pattern in the document. It still matches, unless its length is fixed, with a
// character repeated.
var validStrings = []string{
	"a", "AAAA", "AAAA==", "a b", "é", "😀", "text/csv", `text/plain; charset="a b" ;a=b`,
	"0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55",
	`"a"`, `W/"a,b" , "", "%41"`, "https://hooks.example.com/a",
}

func matching(schema *openapi3.Schema) []string {
	pattern := regexp.MustCompile(schema.Pattern)
	return slices.DeleteFunc(slices.Clone(validStrings), func(s string) bool { return !pattern.MatchString(s) })
}

// lengthen repeats a character until s has the length, as far as pattern permits.
func (g *requestGenerator) lengthen(s string, length int, pattern string) string {
	runes := []rune(s)
	for tries := 0; len(runes) < length && tries < 20; tries++ {
		i := g.IntN(len(runes))
		longer := string(slices.Insert(slices.Clone(runes), i, slices.Repeat(runes[i:i+1], length-len(runes))...))
		if ok, _ := regexp.MatchString(pattern, longer); ok {
			return longer
		}
	}
	return s
}

// fragments are JSON fragments for wrong places; anything are JSON texts that few schemas permit.
var (
	fragments = []string{
		"",
		" ",
		"{}",
		"{} {}",
		"}",
		"]",
		",",
		`"`,
		`\`,
		`\uDC00`,
		"\xff",
		"\xC0\x80",
		"\ufeff{}",
		"\x00",
		"0",
		"//",
	}
	anything = []string{
		"null", "true", "0", "-0", "1", "-1", "1.0", "1e3", "1.5", "0e9", "1e400", "1e-400", "-1e400", "2147483648",
		"4294967297",
		"9223372036854775807", "9223372036854775808", "-9223372036854775809", `""`, `" "`, `" a "`, `"1"`, `"\u0000"`,
		`"\ud800"`,
		`"\ud83d\ude00"`, `"😀"`, "[]", "[null]", "{}", `{"":{}}`, `{"a":1,"a":1}`,
		strings.Repeat("[", 20) + strings.Repeat("]", 20),
	}
)

// edgeCases returns texts around the limits of schema and of its parts, and anything.
func (g *requestGenerator) edgeCases(schema *openapi3.Schema) []string {
	if edges := g.edges[schema]; edges != nil {
		return edges
	}
	g = g.generator(0, 0) // the same for all callers
	edges := slices.Clone(anything)
	add := func(value any) {
		text, _ := json.Marshal(value)
		edges = append(edges, string(text))
	}
	for _, value := range schema.Enum {
		add(value)
	}
	around := func(least uint64, most *uint64) []int {
		if most == nil {
			most = &least
		}
		return []int{max(int(least), 1) - 1, int(least), int(*most), int(*most) + 1}
	}
	switch members := maps.Clone(schema.Properties); {
	case schema.Type.Is("integer"):
		for _, n := range []float64{*schema.Min - 1, *schema.Min, *schema.Max, *schema.Max + 1} {
			add(int64(n))
		}
	case schema.Type.Is("string"):
		for _, length := range around(schema.MinLength, schema.MaxLength) {
			for _, s := range validStrings { // of characters of one byte and of more
				add(g.lengthen(s, length, map[bool]string{true: schema.Pattern}[slices.Contains(matching(schema), s)]))
			}
		}
	case schema.Type.Is("array"):
		for _, n := range around(schema.MinItems, schema.MaxItems) {
			add(g.values(schema.Items.Value, n))
		}
		for _, edge := range g.edgeCases(schema.Items.Value) {
			add([]any{json.RawMessage(edge)})
		}
	case schema.Type.Is("object"):
		if others := schema.AdditionalProperties.Schema; others != nil {
			members = openapi3.Schemas{"a": others}
			for _, n := range around(schema.MinProps, schema.MaxProps) {
				object := map[string]any{}
				for i, value := range g.values(others.Value, n) {
					object[fmt.Sprint(i)] = value
				}
				add(object)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			object := map[string]any{}
			for _, required := range schema.Required {
				object[required] = g.value(schema.Properties[required].Value)
			}
			for _, edge := range g.edgeCases(members[name].Value) {
				object[name] = json.RawMessage(edge)
				add(object)
			}
		}
	}
	g.edges[schema] = edges
	return edges
}
