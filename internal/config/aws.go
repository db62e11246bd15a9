package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go/logging"
)

// StartTimeout limits each request to AWS or the store that must succeed before the service starts.
const StartTimeout = 15 * time.Second

// RegionRemedy says how to set AWS_REGION.
const RegionRemedy = "set it to the region of the bucket, such as eu-west-1 (us-east-1 for most stores other than S3)"

// Quiet silences the SDK, whose warnings are not in the format of the log. Its errors are returned in any case.
var Quiet = awsconfig.WithLogger(logging.Nop{})

// LoadAWS reads region, credentials and endpoint from the SDK's standard chain. It returns an error if there are no
// credentials. Credentials of files are read again when the files change.
func (c Config) LoadAWS(ctx context.Context) (aws.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	loaded, err := withFiles(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS settings: %w: correct AWS_PROFILE or the files in ~/.aws", Innermost(err))
	}
	if loaded.Region == "" {
		return aws.Config{}, errors.New("AWS_REGION is not set: " + RegionRemedy)
	}
	if _, err := loaded.Credentials.Retrieve(ctx); isSSO(err) {
		env, _ := awsconfig.NewEnvConfig()
		profile := cmp.Or(env.SharedConfigProfile, "default")
		return aws.Config{}, fmt.Errorf("AWS_PROFILE=%q has no SSO session, or an expired one: "+
			"run aws sso login --profile %s", profile, profile)
	} else if err != nil {
		local := ""
		if c.Bucket != "" {
			local = "; to use a local store instead, unset " + c.Name(&c.Bucket)
		}
		return aws.Config{}, fmt.Errorf("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
			"or AWS_PROFILE, or run with a role%s (cause: %w)", local, Innermost(err))
	}
	return loaded, nil
}

// isSSO reports whether err is about a token of AWS IAM Identity Center (SSO). The SDK has no error type for it if an
// sso_session is used.
func isSSO(err error) bool {
	var invalid *ssocreds.InvalidTokenError
	return errors.As(err, &invalid) || err != nil && strings.Contains(err.Error(), "SSO token")
}

// FunctionURLLimit is how long a URL lasts at most that a Lambda function's role signs. Lambda does not tell a function
// when its credentials expire. They were observed to last 12 hours (https://github.com/boto/boto3/issues/2392). Lambda
// ends execution environments after some hours; one that is 6 hours old can still sign for 6 hours.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const FunctionURLLimit = 6 * time.Hour

// functionCredentials are those of a Lambda function's role. They always expire after FunctionURLLimit, so that no URL
// outlasts it.
type functionCredentials struct{ aws.Credentials }

func (f functionCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	c := f.Credentials
	c.CanExpire, c.Expires = true, time.Now().Add(FunctionURLLimit)
	return c, nil
}

// FunctionAWS is LoadAWS for a Lambda function, which has nothing but the environment. It takes a tenth of the time.
func FunctionAWS() (aws.Config, error) {
	env, err := awsconfig.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS settings: %w", err)
	}
	if env.Region == "" || !env.Credentials.HasKeys() {
		return aws.Config{}, errors.New("AWS_REGION, AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set, " +
			"although Lambda sets them for every function")
	}
	settings := aws.Config{
		Region: env.Region, Credentials: credentials.StaticCredentialsProvider{Value: env.Credentials},
		ConfigSources:              []any{env},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if env.Credentials.SessionToken != "" {
		settings.Credentials = functionCredentials{env.Credentials}
	}
	if env.BaseEndpoint != "" {
		settings.BaseEndpoint = &env.BaseEndpoint
	}
	return settings, nil
}

// EndpointError returns the error of a store whose address is invalid.
func EndpointError(err error) error {
	reason := strings.TrimPrefix(Innermost(err).Error(), "endpoint rule error, ")
	return fmt.Errorf("address of the store: %s: set AWS_ENDPOINT_URL_S3 or SIGNPOST_PUBLIC_ENDPOINT to a URL such as "+
		"https://s3.example.com", reason)
}

// Innermost returns the first cause of err. In the SDK's long chains it is the one that explains the error.
func Innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 {
			next = many.Unwrap()[len(many.Unwrap())-1]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// The variables of the AWS SDK that errors name.
const (
	AWSRegion   = "AWS_REGION"
	AWSProfile  = "AWS_PROFILE"
	AWSKeys     = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	AWSEndpoint = "AWS_ENDPOINT_URL_S3"
)
