package localstore

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

const (
	// formAge is when versitygw calls a form expired, whatever its policy says; a minute early, so that it cannot
	// grow too old between here and there.
	formAge = time.Hour - time.Minute
	// keyAge is how long a SigV4 signing key works: the true limit of a form's age.
	keyAge = 7 * 24 * time.Hour
)

// renew gives a form that was signed more than an hour ago, rightly and by us, a date of today: S3 goes by the
// policy's expiration, which stays as it is. Whatever is wrong with a form is left for versitygw to say.
func (d formDesk) renew(fields formFields) {
	date, policy := fields.first("x-amz-date"), fields.first("policy")
	signed, err := time.Parse(amzDate, date)
	if age := time.Since(signed); err != nil || age < formAge || age > keyAge {
		return
	}
	key, ok := d.signingKey(fields.first("x-amz-credential"))
	if !ok || !hmac.Equal([]byte(signPolicy(policy, key)), []byte(fields.first("x-amz-signature"))) {
		return
	}
	document, err := base64.StdEncoding.DecodeString(policy)
	if err != nil {
		return
	}
	today := time.Now().UTC().Format(amzDate)
	// The date stands in the policy once, as the value that the field x-amz-date must have.
	document = bytes.ReplaceAll(document, []byte(`"`+date+`"`), []byte(`"`+today+`"`))
	policy = base64.StdEncoding.EncodeToString(document)
	fields["x-amz-date"] = []string{today}
	fields["policy"] = []string{policy}
	fields["x-amz-signature"] = []string{signPolicy(policy, key)}
}

func (d formDesk) signingKey(credential string) ([]byte, bool) {
	scope, err := utils.ParseCredentials(credential, s3err.PostAuth)
	if err != nil || scope.Access != d.root.Access {
		return nil, false
	}
	key, _, err := auth.ResolveDerivedKey(nil, d.root, scope.Access, "", scope.Date, scope.Region, "s3")
	return key, err == nil
}

func signPolicy(policy string, key []byte) string {
	signature, err := utils.SignPostPolicy(policy, key)
	if err != nil {
		return "" // matches no signature
	}
	return signature
}
