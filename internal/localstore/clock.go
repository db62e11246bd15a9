package localstore

import (
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

const (
	// amzDate is the format of X-Amz-Date.
	amzDate = "20060102T150405Z"
	// maxSkew is how far a client's clock may be ahead: S3's limit.
	maxSkew = 15 * time.Minute
)

// rejectFutureURL rejects presigned URLs that are not valid yet; versitygw accepts them.
func rejectFutureURL(ctx fiber.Ctx) error {
	if !utils.IsPresignedURLAuth(ctx) {
		return nil
	}
	return rejectFutureDate(ctx.Query("X-Amz-Date"))
}

// rejectFutureDate ignores invalid dates: versitygw has S3's errors for them.
func rejectFutureDate(date string) error {
	signed, err := time.Parse(amzDate, date)
	if err == nil && time.Until(signed) > maxSkew {
		return s3err.GetAPIError(s3err.ErrRequestNotReadyYet)
	}
	return nil
}
