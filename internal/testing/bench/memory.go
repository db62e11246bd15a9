package main

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// memoryStore stands where the network would: it takes each write at once, and gives back the last one. What remains
// is what the service and the SDK cost.
type memoryStore struct {
	mu   sync.Mutex
	last string
}

func memoryAWS() aws.Config {
	return aws.Config{
		Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(
			"AKIAIOSFODNN7EXAMPLE",
			"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
			"",
		),
		BaseEndpoint: aws.String("http://127.0.0.1:9"),
		HTTPClient:   &http.Client{Transport: &memoryStore{}},
	}
}

const upload = `<InitiateMultipartUploadResult><UploadId>2~abcdefghijklmnopqrstuvwxyz0123456789</UploadId></InitiateMultipartUploadResult>`

// RoundTrip answers as S3 does to what a create and a signing of parts ask.
func (m *memoryStore) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := ""
	switch {
	case r.Method == http.MethodPut:
		record, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		m.last = string(record)
		m.mu.Unlock()
	case r.Method == http.MethodGet:
		m.mu.Lock()
		answer = m.last
		m.mu.Unlock()
	case r.Method == http.MethodPost:
		answer = upload
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Etag": {`"9b2cf535f27731c974343645a3985328"`}},
		Body:          io.NopCloser(strings.NewReader(answer)),
		ContentLength: int64(len(answer)),
	}, nil
}
