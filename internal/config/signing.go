package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	// uploadPrefix is the prefix of the keys that clients upload to.
	uploadPrefix = "imports/"
	// signingSession is the life of an assumed role's session. One hour is the most that a role may have which another
	// role assumes, as a Lambda function's does (IAM, "role chaining"), and every role allows it.
	signingSession = time.Hour
	// assumeTimeout limits one renewal, with the SDK's retries.
	assumeTimeout = 15 * time.Second
	// assumeAgain is the pause after a failed renewal.
	assumeAgain = 5 * time.Second
)

// checkSigning checks the credentials that sign uploads.
func (c checker) checkSigning() {
	c.together(&c.SigningAccessKeyID, &c.SigningSecretAccessKey)
	if c.SigningSessionToken != "" {
		c.together(&c.SigningAccessKeyID, &c.SigningSessionToken)
	}
	if c.SigningRoleARN != "" && c.SigningAccessKeyID != "" {
		c.report(&c.SigningRoleARN, "must not be set, because "+c.Name(&c.SigningAccessKeyID)+" is set")
	}
	if _, err := arn.Parse(c.SigningRoleARN); c.SigningRoleARN != "" && err != nil {
		c.report(&c.SigningRoleARN,
			"must be the ARN of a role, such as arn:aws:iam::123456789012:role/signpost-uploads")
	}
	c.requireBucket(&c.SigningAccessKeyID, &c.SigningRoleARN)
}

// SigningCredentials returns the credentials that sign uploads, or nil if the service's own do. A session of a role is
// limited to uploads, and to KMS keys if withKMS is set.
func (c Config) SigningCredentials(settings aws.Config, withKMS bool) aws.CredentialsProvider {
	if c.SigningAccessKeyID != "" {
		id, secret, token := c.SigningAccessKeyID, string(c.SigningSecretAccessKey), string(c.SigningSessionToken)
		return credentials.NewStaticCredentialsProvider(id, secret, token)
	}
	if c.SigningRoleARN == "" {
		return nil
	}
	policy := c.sessionPolicy(withKMS)
	options := func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration, o.Policy = "signpost", signingSession, &policy
	}
	return &renewing{assume: stscreds.NewAssumeRoleProvider(sts.NewFromConfig(settings), c.SigningRoleARN, options)}
}

// WarnURLTTL logs a warning if signed URLs cannot last as long as the setting says, because the credentials that sign
// them expire before. It makes no request.
func (c Config) WarnURLTTL(log *slog.Logger, settings aws.Config) {
	limit, reason := c.URLTTL, ""
	_, isFunction := settings.Credentials.(functionCredentials)
	remedy := ", or sign uploads with the keys of a user in " + c.Name(&c.SigningAccessKeyID)
	switch {
	case c.SigningRoleARN != "":
		limit, reason = signingSession, "a session of "+c.Name(&c.SigningRoleARN)+" lasts "+FormatDuration(signingSession)
	case isFunction && c.SigningAccessKeyID == "":
		limit, reason = FunctionURLLimit, "the function's credentials are not known to last longer"
	case isFunction && c.AllowsDownloads():
		limit, reason = FunctionURLLimit, "the function's credentials sign downloads and are not known to last longer"
		remedy = ""
	}
	if c.URLTTL <= limit {
		return
	}
	log.Warn("signed URLs expire early", "setting", c.Name(&c.URLTTL), "value", FormatDuration(c.URLTTL),
		"limit", FormatDuration(limit), "reason", reason,
		"remedy", "lower "+c.Name(&c.URLTTL)+" to "+FormatDuration(limit)+remedy)
}

// sessionPolicy limits the session to uploads, whatever the role allows: a session has the rights that both allow.
func (c Config) sessionPolicy(withKMS bool) string {
	role, _ := arn.Parse(c.SigningRoleARN) // checkSigning has parsed it
	objects := fmt.Sprintf("arn:%s:s3:::%s/%s*", role.Partition, c.Bucket, uploadPrefix)
	statements := fmt.Sprintf(`{"Effect":"Allow","Action":["s3:PutObject"],"Resource":%q}`, objects)
	if withKMS {
		// A bucket with a KMS key needs these for uploads, Decrypt for parts. Other stores may refuse a policy with
		// actions of KMS.
		statements += `,{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*",` +
			`"Condition":{"StringLike":{"kms:ViaService":"s3.*"}}}`
	}
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// renewing holds credentials and renews them when half of their life has passed, so that URLs are valid for at least
// that half. While the renewal fails, the credentials serve until they expire. aws.CredentialsCache renews only at the
// end.
type renewing struct {
	assume aws.CredentialsProvider

	mu      sync.Mutex
	held    aws.Credentials
	due     time.Time     // when to renew
	running chan struct{} // closed when the renewal in progress ends; nil without one
	err     error         // of the last renewal
}

// Retrieve returns the credentials, and waits only if there are none that are valid.
func (r *renewing) Retrieve(ctx context.Context) (aws.Credentials, error) {
	for {
		r.mu.Lock()
		if r.running == nil && !time.Now().Before(r.due) {
			r.running = make(chan struct{})
			go r.renew(context.WithoutCancel(ctx))
		}
		held, running, err := r.held, r.running, r.err
		r.mu.Unlock()
		switch {
		case held.HasKeys() && time.Now().Before(held.Expires):
			return held, nil
		case running == nil:
			return aws.Credentials{}, cmp.Or(err, errors.New("the session of the role has expired"))
		}
		select {
		case <-running:
		case <-ctx.Done():
			return aws.Credentials{}, ctx.Err()
		}
	}
}

// renew replaces the credentials. It is not for one caller alone, so it has a time limit of its own.
func (r *renewing) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, assumeTimeout)
	defer cancel()
	fresh, err := r.assume.Retrieve(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	wait := assumeAgain
	if r.err = err; err == nil {
		r.held = fresh
		wait = max(wait, fresh.Expires.Sub(now)/2) // a store may give sessions that are hardly valid
	}
	r.due = now.Add(wait)
	close(r.running)
	r.running = nil
}
