package localstore

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// loadCredentials reads the store's credentials from the file at path, which has the SDK's format
// (AWS_SHARED_CREDENTIALS_FILE may name it). It creates them if there are none.
func loadCredentials(ctx context.Context, path string) (aws.Credentials, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createCredentials(path); err != nil {
			return aws.Credentials{}, fmt.Errorf("local store: create credentials: %w", err)
		}
	}
	profile, err := config.LoadSharedConfigProfile(ctx, "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles = []string{path}
		o.ConfigFiles = []string{} // nil means the user's own
	})
	if err == nil && !profile.Credentials.HasKeys() {
		err = errors.New("no aws_access_key_id and aws_secret_access_key under [default]")
	}
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("local store: invalid credentials file %s: %w: restore it, or delete it "+
			"to create new credentials, which end all signed URLs", path, err)
	}
	return aws.Credentials{
		AccessKeyID:     profile.Credentials.AccessKeyID,
		SecretAccessKey: profile.Credentials.SecretAccessKey,
		Source:          path,
	}, nil
}

// createCredentials writes new keys to a temporary file and links it to path. If two processes do so at once, one
// link succeeds and both read its keys. No process reads half a file.
func createCredentials(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n",
		newAccessKeyID(), newSecret(), region)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// newAccessKeyID returns 20 characters, like an AWS access key id, but with a prefix that AWS does not use.
func newAccessKeyID() string {
	random := make([]byte, 10)
	rand.Read(random)
	return "LOCAL" + base32.StdEncoding.EncodeToString(random)[:15]
}

// newSecret returns 40 characters: 240 random bits.
func newSecret() string {
	random := make([]byte, 30)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)
}
