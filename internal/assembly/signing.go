package assembly

import (
	"context"
	"fmt"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// CheckSigning returns an error if the credentials that sign uploads cannot be had.
func CheckSigning(ctx context.Context, c config.Config, store *bucket.Bucket) error {
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := store.CheckSigning(ctx); err != nil && c.SigningRoleARN != "" {
		return fmt.Errorf("SIGNPOST_SIGNING_ROLE_ARN=%q: the role cannot be assumed: %s", c.SigningRoleARN, doctor.Cause(err))
	} else if err != nil {
		return fmt.Errorf("the credentials that sign uploads: %s", doctor.Cause(err))
	}
	return nil
}
