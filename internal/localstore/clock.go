package localstore

import (
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

const (
	// amzDate is how X-Amz-Date is written.
	amzDate = "20060102T150405Z"
	// maxSkew is how far a client's clock may be ahead, as S3 has it.
	maxSkew = 15 * time.Minute
)

// refuseFutureURL refuses presigned URLs that are not valid yet; versitygw accepts them.
func rejectFutureURL(ctx fiber.Ctx) error {
	if !utils.IsPresignedURLAuth(ctx) {
		return nil
	}
	return rejectFutureDate(ctx.Query("X-Amz-Date"))
}

// refuseFuture leaves dates that cannot be read to versitygw, which has S3's errors for them.
func rejectFutureDate(date string) error {
	signed, err := time.Parse(amzDate, date)
	if err == nil && time.Until(signed) > maxSkew {
		return s3err.GetAPIError(s3err.ErrRequestNotReadyYet)
	}
	return nil
}
