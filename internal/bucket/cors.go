package bucket

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// CORSRule returns the CORS rule that lets pages of origins upload. The local store uses it, the AWS template contains
// the same rule, and signpost doctor compares other buckets with it.
func CORSRule(origins []string) types.CORSRule {
	return types.CORSRule{
		AllowedOrigins: origins,
		AllowedMethods: []string{"PUT", "POST", "GET", "HEAD"}, // the methods of signed requests, and HEAD
		AllowedHeaders: []string{"*"},                          // because the signed headers differ for each import
		// ExposeHeaders are what multipart uploaders read, and what AWS Support asks for. S3 accepts no wildcard here.
		ExposeHeaders: []string{
			"ETag", "Location", "x-amz-version-id", "x-amz-request-id", "x-amz-id-2", "x-amz-checksum-type",
			"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
			"x-amz-checksum-sha1", "x-amz-checksum-sha256",
		},
		MaxAgeSeconds: aws.Int32(3600),
	}
}

// CORS returns the bucket's CORS rules. A bucket without rules is not an error.
func (b *Bucket) CORS(ctx context.Context) ([]types.CORSRule, error) {
	out, err := invoke(ctx, b.uncutCall("GetBucketCors"), b.client.GetBucketCors, &s3.GetBucketCorsInput{Bucket: &b.name})
	if err != nil {
		return nil, ignoreCode("NoSuchCORSConfiguration", err)
	}
	return out.CORSRules, nil
}
