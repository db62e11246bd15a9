package httpapi

import (
	"bytes"
	jsonv1 "encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
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
		return nil, invalidJSON("It begins with a byte-order mark; leave that out.")
	case !utf8.Valid(body):
		return nil, invalidJSON("It is not UTF-8.")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, invalidJSON("It contains only white space.")
	}
	var value any
	if err := json.Unmarshal(body, &value, readNumbers); err != nil {
		return nil, describeJSONError(err, body)
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
func describeJSONError(err error, body []byte) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooDeep):
		return invalidJSON(fmt.Sprintf("It is nested more than %d levels deep.", maxDepth))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalidJSON("It ends in the middle of a value.")
	case !errors.As(err, &syntax):
		return invalidJSON("It cannot be read.")
	case strings.HasSuffix(syntax.Err.Error(), "after top-level value"):
		return invalidJSON("Something follows the first JSON value; send one.")
	case errors.Is(err, jsontext.ErrDuplicateName):
		pointer := string(syntax.JSONPointer)
		p := invalidJSON("A member appears twice.")
		p.Errors = []api.FieldError{{Pointer: &pointer, Detail: "must appear once"}}
		return p
	case strings.HasPrefix(strings.ToLower(string(body[min(syntax.ByteOffset, int64(len(body))):])), `\ud`):
		return invalidJSON(fmt.Sprintf("The escape at byte %d is half of a surrogate pair.", syntax.ByteOffset))
	}
	return invalidJSON(fmt.Sprintf("See byte %d.", syntax.ByteOffset))
}

func invalidJSON(why string) *problem {
	return newProblem(http.StatusBadRequest, "invalid-json", "The body is not valid JSON. "+why)
}
