package httpapi

import (
	"bytes"
	jsonv1 "encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/gen/api"
)

// maxDepth limits the nesting of a body. The API needs three levels.
const maxDepth = 16

// parseJSON reads exactly one JSON value. Jsontext rejects what two readers could interpret differently: duplicate
// names, invalid UTF-8, halves of surrogate pairs. Objects are map[string]any, arrays []any. A number is an int64 if
// it is written as one, otherwise a json.Number.
func parseJSON(body []byte) (any, error) {
	switch {
	case bytes.HasPrefix(body, []byte("\xEF\xBB\xBF")):
		return nil, invalidJSON("it begins with a byte order mark; remove it")
	case !utf8.Valid(body):
		return nil, invalidJSON("it is not in UTF-8")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, invalidJSON("it has only white space; send an object, or no body")
	}
	var value any
	if err := json.Unmarshal(body, &value, readNumbers); err != nil {
		return nil, describeJSONError(err)
	}
	return value, nil
}

var errTooDeep = errors.New("nested too deeply")

// readNumbers keeps all digits of numbers, which are float64 by default, and limits the depth.
var readNumbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
	if d.StackDepth() > maxDepth {
		return errTooDeep
	}
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	literal := token.String()
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		*v = n
	} else {
		*v = jsonv1.Number(literal)
	}
	return nil
}))

// describeJSONError converts an error of parseJSON's reader.
func describeJSONError(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooDeep):
		return invalidJSON(fmt.Sprintf("it is nested more than %d levels deep", maxDepth))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalidJSON("it ends before the value is complete")
	case !errors.As(err, &syntax):
		return invalidJSON("it cannot be read")
	case errors.Is(err, jsontext.ErrDuplicateName):
		pointer := string(syntax.JSONPointer)
		p := invalidJSON("a member appears more than once; see errors")
		p.Errors = []api.FieldError{{Pointer: &pointer, Detail: onlyOnce}}
		return p
	}
	return invalidJSON(fmt.Sprintf("%v, at byte offset %d", syntax.Err, syntax.ByteOffset)) // quotes at most 12 bytes
}

func invalidJSON(why string) *problem {
	return newProblem(http.StatusBadRequest, "invalid-json", "The body is not valid JSON: "+why+".")
}
