package localstore

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// prepareBucket uses the store's HTTP API, so that Start returns only if it works.
func (s *Store) prepareBucket(ctx context.Context, rule types.CORSRule) error {
	client := s3.NewFromConfig(s.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if missing := (*types.NotFound)(nil); errors.As(err, &missing) {
		_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.bucket})
	}
	if err != nil {
		return err
	}
	if len(rule.AllowedOrigins) == 0 {
		_, err = client.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &s.bucket})
		return err
	}
	_, err = client.PutBucketCors(ctx, &s3.PutBucketCorsInput{
		Bucket: &s.bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{rule}},
	})
	return err
}
