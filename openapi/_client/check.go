package client

// Check returns the response of a call, and its error: that of the call or, if there is none, that of the response.
//
//	created, err := client.Check(c.CreateImportWithResponse(ctx, nil, request))
func Check[R interface{ Err() error }](response R, err error) (R, error) {
	if err == nil {
		err = response.Err()
	}
	return response, err
}
