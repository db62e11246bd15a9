package localstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// ExternalConfig returns the settings for s3.NewFromConfig, which also needs UsePathStyle, to access a store that
// another process runs in dir, at listen.
func ExternalConfig(ctx context.Context, dir, listen string) (aws.Config, error) {
	path := filepath.Join(dir, "credentials")
	if _, err := os.Stat(path); err != nil {
		return aws.Config{}, fmt.Errorf("there is no local store in %s: %w", dir, err)
	}
	creds, err := loadCredentials(ctx, path)
	if err != nil {
		return aws.Config{}, err
	}
	s := Store{endpoint: "http://" + listen, creds: creds}
	return s.AWSConfig(), nil
}
