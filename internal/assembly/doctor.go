package assembly

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"
)

// DoctorOptions returns c as package doctor needs it.
func DoctorOptions(c config.Config) doctor.Options {
	o := doctor.Options{
		Bucket:               c.Bucket,
		PublicEndpoint:       c.PublicEndpoint,
		PathStyle:            c.PathStyle,
		AllowUnsignedHeaders: c.AllowUnsignedHeaders,
		URLTTL:               c.URLTTL,
		JobTTL:               c.JobTTL,
		CORSOrigins:          c.CORSOrigins,
		Events:               c.HasEvents(),
		Names: doctor.Names{
			Region:         config.AWSRegion,
			Profile:        config.AWSProfile,
			Keys:           config.AWSKeys,
			Endpoint:       config.AWSEndpoint,
			LocalListen:    c.Name(&c.LocalListen),
			PublicEndpoint: c.Name(&c.PublicEndpoint),
			URLTTL:         c.Name(&c.URLTTL),
			JobTTL:         c.Name(&c.JobTTL),
			MaxSize:        c.Name(&c.MaxSize),
			CORSOrigins:    c.Name(&c.CORSOrigins),
			SigningKeys:    c.Name(&c.SigningAccessKeyID) + " and " + c.Name(&c.SigningSecretAccessKey),
			SigningRole:    c.Name(&c.SigningRoleARN),
			AllowUnsigned:  c.Name(&c.AllowUnsignedHeaders),
		},
	}
	if c.HasSigningCredentials() {
		o.Signing = func(settings aws.Config) aws.CredentialsProvider {
			return c.SigningCredentials(settings, bucket.OnAWS(settings))
		}
	}
	return o
}
