package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/filewatch"
)

// certificate is read from two files, and read again when they change.
type certificate struct {
	chain, key string
	where      string // names the files in errors
	current    atomic.Pointer[tls.Certificate]
}

// openCertificate returns the certificate of c, or nil if the service uses plain HTTP.
func openCertificate(c config.Config) (*certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	opened := &certificate{
		chain: c.TLSCert, key: c.TLSKey, where: c.Setting(&c.TLSCert) + ", " + c.Setting(&c.TLSKey),
	}
	return opened, opened.load()
}

func (c *certificate) load() error {
	loaded, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err != nil {
		return fmt.Errorf("%s: %w", c.where, err) // err names the file that cannot be read
	}
	c.current.Store(&loaded)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// watch reads the files again when they change, until ctx ends. While they do not match, as when one is written before
// the other, the previous certificate stays in use.
func (c *certificate) watch(ctx context.Context, log *slog.Logger) {
	filewatch.Watch(ctx, func() {
		before := c.current.Load().Leaf
		if err := c.load(); err != nil {
			log.Error("certificate reload failed; the previous certificate stays in use", "error", err)
		} else if leaf := c.current.Load().Leaf; !leaf.Equal(before) {
			log.Info("certificate reloaded", "expires", leaf.NotAfter)
		}
	}, c.chain, c.key)
}
