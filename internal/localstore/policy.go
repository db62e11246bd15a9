package localstore

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

const (
	// formAge is the maximum age of a form for versitygw, whatever its policy says, minus a minute for the way there.
	formAge = time.Hour - time.Minute
	// keyAge is the lifetime of a SigV4 signing key, which limits the age of a form.
	keyAge = 7 * 24 * time.Hour
)

// lengthRange is a content-length-range condition.
type lengthRange struct{ least, most int64 }

// sign verifies the signature of a form. If it is valid, sign signs the form again for versitygw, and returns the
// ranges of the file's permitted length.
//
// versitygw would compare the ranges with a length that it derives from the whole form, which is wrong if anything
// follows the file; some clients omit the last line break. versitygw also rejects forms older than an hour. S3 only
// checks the policy's expiration, which stays.
func (f forms) sign(fields formFields) (ranges []lengthRange, signed bool) {
	date, encoded := fields.get("x-amz-date"), fields.get("policy")
	key, ok := f.signingKey(fields.get("x-amz-credential"))
	if !ok || !hmac.Equal([]byte(signPolicy(encoded, key)), []byte(fields.get("x-amz-signature"))) {
		return nil, false
	}
	document, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, false
	}
	today := date
	if at, err := time.Parse(amzDate, date); err == nil && time.Since(at) > formAge && time.Since(at) <= keyAge {
		today = time.Now().UTC().Format(amzDate)
		fields.set("x-amz-date", today)
	}
	document, ranges, err = rewrite(document, date, today)
	if err != nil {
		return nil, false
	}
	encoded = base64.StdEncoding.EncodeToString(document)
	fields.set("policy", encoded)
	fields.set("x-amz-signature", signPolicy(encoded, key))
	return ranges, true
}

// rewrite returns the policy without its content-length-range conditions, and these. In the condition for x-amz-date
// it replaces date by today.
func rewrite(document []byte, date, today string) ([]byte, []lengthRange, error) {
	var policy map[string]json.RawMessage
	if err := json.Unmarshal(document, &policy); err != nil {
		return nil, nil, err
	}
	var conditions []json.RawMessage
	if err := json.Unmarshal(policy["conditions"], &conditions); err != nil {
		return nil, nil, err
	}
	kept, ranges := []json.RawMessage{}, []lengthRange(nil)
	for _, condition := range conditions {
		if r, ok := parseRange(condition); ok {
			ranges = append(ranges, r)
		} else {
			kept = append(kept, redate(condition, date, today))
		}
	}
	var err error
	if policy["conditions"], err = json.Marshal(kept); err != nil {
		return nil, nil, err
	}
	document, err = json.Marshal(policy)
	return document, ranges, err
}

// redate replaces the date in a condition for x-amz-date, whose name may have a dollar sign. The same date in another
// condition, such as one for metadata, stays.
func redate(condition json.RawMessage, date, today string) json.RawMessage {
	if !bytes.Contains(condition, []byte(`"x-amz-date"`)) && !bytes.Contains(condition, []byte(`"$x-amz-date"`)) {
		return condition
	}
	return bytes.ReplaceAll(condition, []byte(`"`+date+`"`), []byte(`"`+today+`"`))
}

// parseRange parses a content-length-range. Invalid ones stay in the policy, so that versitygw rejects them.
func parseRange(condition json.RawMessage) (lengthRange, bool) {
	var operator string
	var least, most json.Number // quoted or not, as S3 accepts them
	operands := []any{&operator, &least, &most}
	err := json.Unmarshal(condition, &operands)
	if err != nil || len(operands) != 3 || operator != "content-length-range" {
		return lengthRange{}, false
	}
	from, err := least.Int64()
	if err != nil {
		return lengthRange{}, false
	}
	to, err := most.Int64()
	return lengthRange{from, to}, err == nil
}

func (f forms) signingKey(credential string) ([]byte, bool) {
	scope, err := utils.ParseCredentials(credential, s3err.PostAuth)
	if err != nil || scope.Access != f.root.Access {
		return nil, false
	}
	key, _, err := auth.ResolveDerivedKey(nil, f.root, scope.Access, "", scope.Date, scope.Region, "s3")
	return key, err == nil
}

func signPolicy(policy string, key []byte) string {
	signature, err := utils.SignPostPolicy(policy, key)
	if err != nil {
		return "" // matches no signature
	}
	return signature
}
