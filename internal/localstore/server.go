package localstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// maxRequests limits concurrent connections and requests. Clients of a laptop use dozens. versitygw's default, 0,
// rejects all.
const maxRequests = 4096

// flushLimit is the time that responses have to be sent when a store closes.
const flushLimit = time.Second

// newFront returns the server of the store, which does not listen yet.
func (s *Store) newFront(origins []string, limits limits) (*front, error) {
	root := auth.Account{Access: s.creds.AccessKeyID, Secret: s.creds.SecretAccessKey, Role: auth.RoleAdmin}
	found, ready := make(chan *fiber.App, 1), make(chan struct{})
	server, err := s3api.New(s.backend,
		middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret},
		region, singleAccount{auth.NewIAMServiceSingle(root)},
		nil, nil, nil, nil, // no audit logs, events (of which Options.Arrived tells) or metrics
		s3api.WithQuiet(),
		s3api.WithDisableACL(), // one account owns everything
		s3api.WithMpMaxParts(s3limits.MaxParts),
		s3api.WithConcurrencyLimiter(maxRequests, maxRequests),
		s3api.WithOnListen(func() { close(ready) }),
		s3api.WithMiddleware("/", func(ctx fiber.Ctx) error {
			select {
			case found <- ctx.App():
			default:
			}
			return ctx.Next()
		}),
		s3api.WithMiddleware("/", controllers.WrapMiddleware(rejectFutureURL, nil, nil)),
	)
	if err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	if err := serveOnce(server, ready); err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	return &front{
		versitygw: (<-found).Handler(),
		forms:     forms{root: root, origins: origins},
		traffic:   s.traffic,
		limits:    limits,
	}, nil
}

// serveOnce lets the server answer one request, on a socket that only this process knows: versitygw gives access to
// its handler only in a request.
func serveOnce(server *s3api.S3ApiServer, ready <-chan struct{}) error {
	dir, err := os.MkdirTemp("", "signpost-") // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMultiPort([]string{socket}) }()
	select {
	case err := <-ended:
		return err
	case <-ready:
	}
	err = errors.Join(sendRequest(socket), server.ShutDown())
	<-ended // with the error of the closed listener
	return err
}

// sendRequest sends a request to the socket, and returns once the server has closed the connection.
func sendRequest(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "HEAD / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// singleAccount returns the error for unknown access keys that becomes S3's InvalidAccessKeyId. versitygw's
// single-account service returns an error of its admin API, which becomes a 404.
type singleAccount struct{ auth.IAMService }

func (a singleAccount) GetUserAccount(access string) (auth.Account, error) {
	account, err := a.IAMService.GetUserAccount(access)
	if err != nil {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

// stop ends serving. It restores the working directory only when no request can use it any more.
func (s *Store) stop() error {
	s.closing.Store(true)
	err := errors.Join(s.notifier.close(), s.traffic.drain())
	if s.traffic.any() {
		return err
	}
	flush, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	if s.server.Shutdown(flush) != nil {
		s.server.Close()
	}
	<-s.done
	s.backend.Shutdown()
	return errors.Join(err, s.process.release())
}
