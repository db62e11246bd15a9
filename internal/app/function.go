package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sweep"
)

// FunctionConfig is Config as a Lambda function reads it, from the environment alone.
type FunctionConfig struct {
	Config
	Events string `env:"SIGNPOST_LAMBDA_EVENTS" default:"proxy" help:"What a Lambda function takes: proxy events, or with direct whatever comes, which it answers with an upload_url."`
}

// ReadFunctionConfig reads the variables that Config's tags name; an empty one is as good as none. Kong would read them too, but it
// calls methods by name, upon which the linker keeps every method of the AWS SDK: a binary of 19 MB instead of 12.
func ReadFunctionConfig(getenv func(string) string) (FunctionConfig, error) {
	var c FunctionConfig
	var complaints Complaints
	for _, field := range reflect.VisibleFields(reflect.TypeOf(c)) {
		variable := field.Tag.Get("env")
		text := getenv(variable)
		if text == "" {
			text = field.Tag.Get("default")
		}
		if variable == "" || text == "" {
			continue
		}
		if rule := assign(reflect.ValueOf(&c).Elem().FieldByIndex(field.Index), text); rule != "" {
			complaints.add(variable, text, rule)
		}
	}
	c.Listen = "127.0.0.1:0" // nothing listens
	if c.Bucket == "" {
		complaints.add("SIGNPOST_BUCKET", c.Bucket, "must name the bucket")
	}
	if c.Events != "proxy" && c.Events != "direct" {
		complaints.add("SIGNPOST_LAMBDA_EVENTS", c.Events, "must be proxy or direct")
	}
	if c.Events == "direct" && c.MaxSize > 0 {
		complaints.add("SIGNPOST_MAX_SIZE", strconv.FormatInt(c.MaxSize, 10), "must be left out with SIGNPOST_LAMBDA_EVENTS=direct, whose uploads declare no size")
	}
	if c.Events == "direct" && len(c.ContentTypes) > 0 {
		complaints.add("SIGNPOST_CONTENT_TYPES", strings.Join(c.ContentTypes, ","), "must be left out with SIGNPOST_LAMBDA_EVENTS=direct, whose uploads declare no type")
	}
	for _, variable := range []string{"SIGNPOST_API_KEYS_FILE", "SIGNPOST_OIDC_ISSUER", "SIGNPOST_RATE_LIMIT"} {
		if value := getenv(variable); value != "" {
			complaints.add(variable, value, "must be left out in a function: what invokes it says who calls, and bounds how often")
		}
	}
	return c, complaints.Check(c.Config)
}

// assign gives a setting the value that text stands for, or returns the rule that text breaks.
func assign(setting reflect.Value, text string) (broken string) {
	var err error
	switch target := setting.Addr().Interface().(type) {
	case *string:
		*target = text
	case *[]string:
		*target = strings.Split(text, ",")
	case *Secret:
		*target = Secret(text)
	case *[]Secret:
		for part := range strings.SplitSeq(text, ",") {
			*target = append(*target, Secret(part))
		}
	case *bool:
		*target, err = strconv.ParseBool(text)
		broken = switchRule
	case *int:
		*target, err = strconv.Atoi(text)
		broken = countRule
	case *int64:
		*target, err = parseSize(text)
		broken = sizeRule
	case *time.Duration:
		*target, err = time.ParseDuration(text)
		broken = durationRule
	default:
		panic(fmt.Sprintf("a setting of type %s", setting.Type()))
	}
	if err == nil {
		return ""
	}
	return broken
}

// Function is the service as a Lambda function has it.
type Function struct {
	Handler http.Handler
	Service *imports.Service
	Notice  func(ctx context.Context, key string) error // an object has arrived
	Sweep   func(ctx context.Context) error             // the time has come for what is nobody's request
}

// eventsAtOnce limits the events that an invocation for one arrival delivers: its own, in most cases. A sweep delivers the others.
const eventsAtOnce = 20

// NewFunction puts the service together for a Lambda function, whose callers are named by what invokes it. It asks nothing of the
// store: a function that is not needed yet should start at once.
func NewFunction(ctx context.Context, c Config, log *slog.Logger) (*Function, error) {
	settings, err := environmentAWS()
	if err != nil {
		return nil, err
	}
	store, err := c.open(ctx, settings, bucket.Watch{})
	if err != nil {
		return nil, err
	}
	service := c.Service(store)
	service.AnonymousListing = false
	keys, err := c.OpenWebhookKeys(settings, log)
	if err != nil {
		return nil, err
	}
	box, err := c.Outbox(service, settings, keys, log)
	if err != nil {
		return nil, err
	}
	sweeper := sweep.Sweeper{Bucket: store, Imports: service, Outbox: box, Holder: uuid.NewString(), Now: service.Now, Log: log}
	return &Function{
		Handler: httpapi.New(httpapi.Options{Service: service, Ready: store.Check, Authenticate: auth.NewGateway(c.AllowAnonymous), CORSOrigins: c.CORSOrigins, Log: log}),
		Service: service,
		Sweep:   sweeper.Due,
		Notice: func(ctx context.Context, key string) error {
			if err := service.HandleObjectCreated(ctx, key); err != nil || box == nil {
				return err
			}
			_, err := box.Pass(ctx, eventsAtOnce)
			box.Wait()
			return err
		},
	}, nil
}

// environmentAWS is LoadAWS for where there is an environment and no more. It takes a tenth of the time.
func environmentAWS() (aws.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS settings: %w", err)
	}
	if env.Region == "" || !env.Credentials.HasKeys() {
		return aws.Config{}, errors.New("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, which Lambda does for every function")
	}
	settings := aws.Config{
		Region: env.Region, Credentials: credentials.StaticCredentialsProvider{Value: env.Credentials}, ConfigSources: []any{env},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if env.BaseEndpoint != "" {
		settings.BaseEndpoint = &env.BaseEndpoint
	}
	return settings, nil
}
