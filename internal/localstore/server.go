package localstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"
)

// maxRequests bounds connections and requests at once. A laptop's clients use dozens; versitygw's own default, none,
// means "refuse all".
const maxRequests = 4096

// maxParts is S3's limit.
const maxParts = 10_000

// flushLimit is the time that answers already on their way have to get out when a store closes.
const flushLimit = time.Second

func (s *Store) newServer() (*s3api.S3ApiServer, error) {
	root := auth.Account{Access: s.creds.AccessKeyID, Secret: s.creds.SecretAccessKey, Role: auth.RoleAdmin}
	forms := formDesk{root: root}
	server, err := s3api.New(s.backend,
		middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret},
		region, onlyAccount{auth.NewIAMServiceSingle(root)},
		nil, nil, nil, nil, // no audit logs, events (of which Options.Arrived tells) or metrics
		s3api.WithQuiet(),
		s3api.WithKeepAlive(),
		s3api.WithDisableACL(), // one account owns everything
		s3api.WithMpMaxParts(maxParts),
		s3api.WithConcurrencyLimiter(maxRequests, maxRequests),
		s3api.WithOnListen(func() { close(s.ready) }),
		s3api.WithMiddleware("/", s.traffic.handle),
		s3api.WithMiddleware("/", controllers.WrapMiddleware(refuseFutureURL, nil, nil)),
		s3api.WithMiddleware("/", controllers.WrapMiddleware(forms.handle, nil, nil)),
	)
	if err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	return server, nil
}

// onlyAccount answers for unknown access keys with the error that becomes S3's InvalidAccessKeyId; versitygw's
// single-account service has one of its admin API's errors, which becomes a 404.
type onlyAccount struct{ auth.IAMService }

func (a onlyAccount) GetUserAccount(access string) (auth.Account, error) {
	account, err := a.IAMService.GetUserAccount(access)
	if err != nil {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

// stop ends serving. The working directory is given back only when no request can use it any more.
//
// The requests are waited for before versitygw is told to shut down, because fasthttp begins by cancelling them. And
// versitygw's own wait is not waited for to its end: it counts connections that never sent a request, of which Go's
// clients keep some.
func (s *Store) stop() error {
	s.closing.Store(true)
	err := errors.Join(s.arrived.end(), s.traffic.end())
	if s.traffic.any() {
		return err
	}
	flushed := make(chan struct{})
	go func() {
		s.server.ShutDown() //nolint:errcheck // 10 s at most; whoever is still connected has no request under way
		close(flushed)
	}()
	<-s.done
	select {
	case <-flushed:
	case <-time.After(flushLimit):
	}
	s.backend.Shutdown()
	return errors.Join(err, s.process.leave())
}
