package bucket

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// SignForm signs a POST form for u. Its policy limits the length, so u.Size may be unknown; all fields are exact.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
func (b *Bucket) SignForm(ctx context.Context, u Upload) (SignedRequest, error) {
	grant, err := newGrant(ctx, b.signing, u.From, u.Until)
	if err != nil {
		return SignedRequest{}, fmt.Errorf("sign form %s: %w", u.Key, err)
	}
	fields := u.fields()
	fields["x-amz-algorithm"] = sigv4.Algorithm
	fields["x-amz-credential"] = b.signer.Credential(grant.credentials, grant.from)
	fields["x-amz-date"] = sigv4.Date(grant.from)
	if token := grant.credentials.SessionToken; token != "" {
		fields["x-amz-security-token"] = token
	}
	policy, err := b.policy(u, fields, grant.until())
	if err != nil {
		return SignedRequest{}, err
	}
	fields["policy"] = policy
	fields["x-amz-signature"] = b.signer.SignPolicy(grant.credentials, grant.from, policy)
	b.hooks.signed(1)
	return SignedRequest{Method: "POST", URL: b.publicEndpoint.BucketURL(), Fields: fields, ExpiresAt: grant.until()}, nil
}

// fields returns the form fields of the object.
func (u Upload) fields() map[string]string {
	fields := map[string]string{"key": u.Key, "success_action_status": "201"}
	add := func(name, value string) {
		if value != "" {
			fields[name] = value
		}
	}
	add("Content-Type", u.ContentType)
	add("Content-Disposition", u.ContentDisposition)
	for name, value := range u.Metadata {
		fields["x-amz-meta-"+name] = value
	}
	if u.Checksum.Algorithm != "" {
		fields["x-amz-checksum-algorithm"] = strings.ToUpper(u.Checksum.Algorithm)
		fields["x-amz-checksum-"+u.Checksum.Algorithm] = u.Checksum.Value
	}
	return fields
}

// policy returns the base64 of a policy that permits exactly these fields, in this bucket, within the length.
func (b *Bucket) policy(u Upload, fields map[string]string, until time.Time) (string, error) {
	least, most := int64(0), u.MaxSize
	if u.Size != nil {
		least, most = *u.Size, *u.Size
	}
	conditions := []any{map[string]string{"bucket": b.name}, []any{"content-length-range", least, most}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		conditions = append(conditions, map[string]string{name: fields[name]})
	}
	document, err := json.Marshal(map[string]any{
		"expiration": until.Format("2006-01-02T15:04:05.000Z"),
		"conditions": conditions,
	})
	return base64.StdEncoding.EncodeToString(document), err
}
