package localstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
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
	server, err := s3api.New(s.backend,
		middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret},
		region, singleAccount{auth.NewIAMServiceSingle(root)},
		nil, nil, nil, nil, // no audit logs, events (see folder) or metrics
		s3api.WithQuiet(),
		s3api.WithDisableACL(), // one account owns everything
		s3api.WithMpMaxParts(s3limits.MaxParts),
		s3api.WithConcurrencyLimiter(maxRequests, maxRequests),
		s3api.WithMiddleware("/", controllers.WrapMiddleware(rejectFutureURL, nil, nil)),
	)
	if err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	handler, err := handlerOf(server)
	if err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	return &front{
		versitygw: handler,
		forms:     forms{root: root, origins: origins},
		traffic:   s.traffic,
		limits:    limits,
	}, nil
}

// handlerOf returns the server's handler, which versitygw v1.8.0 does not export.
func handlerOf(server *s3api.S3ApiServer) (fasthttp.RequestHandler, error) {
	app := reflect.ValueOf(server).Elem().FieldByName("app")
	if !app.IsValid() || app.Type() != reflect.TypeFor[*fiber.App]() {
		return nil, errors.New("this version of versitygw keeps its handler elsewhere")
	}
	return (*fiber.App)(app.UnsafePointer()).Handler(), nil
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
	err := s.notifier.close()
	ended, cut := s.traffic.drain(s.server.Close)
	if err = errors.Join(err, cut); !ended {
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
