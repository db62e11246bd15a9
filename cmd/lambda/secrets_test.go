package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/signpost-s3/signpost/gen/client"
)

// parameterStore starts moto as AWS Systems Manager, and returns its URL. Without moto, it skips the test.
func parameterStore(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	server := exec.Command(path, "-H", host, "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { server.Process.Kill() })
	url := "http://" + net.JoinHostPort(host, port)
	for deadline := time.After(2 * limit); ; {
		response, err := http.Get(url + "/moto-api/")
		if err == nil {
			response.Body.Close()
			return url
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case err := <-ended:
			t.Fatalf("moto_server: %v", err)
		case <-deadline:
			t.Fatalf("moto_server does not answer: %v", err)
		}
	}
}

// TestSecretsParameter checks that the function reads webhook keys from Parameter Store, only when it delivers.
func TestSecretsParameter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator of Parameter Store")
	}
	endpoint := parameterStore(t)
	store := ssm.New(ssm.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	})
	_, err := store.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(
			"/signpost/webhook-secrets",
		), Value: aws.String("# first\n" + secret + "\n"), Type: types.ParameterTypeSecureString,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		parameter string
		delivered bool
		logged    string
	}{
		"present": {"/signpost/webhook-secrets", true, ""},
		"missing": {
			"/signpost/other", false,
			`SIGNPOST_WEBHOOK_SECRETS_PARAMETER=\"/signpost/other\": there is no such parameter in us-east-1`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t)
			f := start(
				t, "SIGNPOST_ALLOW_ANONYMOUS=true", "SIGNPOST_WEBHOOK_URL="+r.url+"/", "SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8",
				"SIGNPOST_WEBHOOK_SECRETS_PARAMETER="+c.parameter, "AWS_ENDPOINT_URL_SSM="+endpoint,
			)
			a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
			job := a.create(t, client.ImportRequest{Size: ptr(int64(5))})
			put(t, job.Upload.URL, job.Upload.Headers, []byte("hello"))
			event := fmt.Sprintf(
				`{"version":"0","id":"x","detail-type":"Object Created","source":"aws.s3","detail":{"version":"0",`+
					`"bucket":{"name":%q},`+
					`"object":{"key":%q,"size":5,"etag":"x","sequencer":"1"},"reason":"PutObject"}}`,
				f.store.Bucket,
				job.Object.Key,
			)
			if answer, err := invoke(t, f.Invoke, event); err != nil || answer != "{}" {
				t.Fatalf("the arrival: got %s, %v, want {}", answer, err)
			}
			if got := len(r.take(job.ID)) == 1; got != c.delivered {
				t.Errorf("delivered: got %t, want %t", got, c.delivered)
			}
			if _, encoded, _ := strings.Cut(secret, "_"); !strings.Contains(f.Log(), c.logged) ||
				strings.Contains(f.Log(), encoded) {
				t.Errorf("log: got %s, want %q in it and no key", f.Log(), c.logged)
			}
		})
	}
}
