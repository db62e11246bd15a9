// Package parameterstore reads secrets from AWS Systems Manager Parameter Store.
package parameterstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Open returns a function that reads the decrypted value of the parameter with that name. The name
// /aws/reference/secretsmanager/NAME reads a secret of AWS Secrets Manager.
func Open(settings aws.Config, name string) func(context.Context) (string, error) {
	settings.BaseEndpoint = nil // it is the endpoint of the store
	client := ssm.NewFromConfig(settings)
	return func(ctx context.Context) (string, error) {
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		var missing *types.ParameterNotFound
		var refused smithy.APIError
		var unsent *smithyhttp.RequestSendError
		switch {
		case errors.As(err, &missing):
			return "", fmt.Errorf("there is no such parameter in %s", settings.Region)
		case errors.As(err, &refused) && refused.ErrorCode() == "AccessDeniedException":
			return "", fmt.Errorf("access denied: allow ssm:GetParameter on it, "+
				"and kms:Decrypt on its key unless that is aws/ssm: %w", err)
		case errors.As(err, &unsent):
			//lint:ignore ST1005 Parameter Store is the name of the service.
			return "", fmt.Errorf("Parameter Store cannot be reached: %w", unsent.Err)
		case err != nil:
			return "", err
		}
		return aws.ToString(out.Parameter.Value), nil
	}
}
