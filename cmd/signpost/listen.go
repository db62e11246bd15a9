package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/hostport"
	"github.com/signpost-s3/signpost/internal/receiver"
	"github.com/signpost-s3/signpost/internal/webhook"
)

type listenCmd struct {
	Listen string `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Loopback address to listen on (default ${default})."`
	Secret string `env:"SIGNPOST_WEBHOOK_SECRET" placeholder:"SECRET" help:"Secret that signs the events (default: a new one)."`
	Exec   string `placeholder:"COMMAND" help:"Run this command for each event, one at a time. The service retries if it fails."`
	JSON   bool   `name:"json" help:"Print one event per line as JSON."`
}

// shutdownTimeout bounds the handling of the last event after an interrupt. The service does not wait longer for a
// response.
const shutdownTimeout = 30 * time.Second

// Help returns the text before the flags in listen --help.
func (listenCmd) Help() string {
	return "For development: print the settings with which to start the service, and receive its events. sh runs the " +
		"command of --exec with the event as JSON on its standard input, and with SIGNPOST_EVENT_TYPE, " +
		"SIGNPOST_EVENT_ID and SIGNPOST_IMPORT_ID in its environment. The command must finish before the service's " +
		"request times out.\n\n" +
		"Example:\n\n\tsignpost listen --exec 'echo $SIGNPOST_EVENT_TYPE'"
}

func (l listenCmd) Run(i *invocation) error {
	if host, _, err := net.SplitHostPort(l.Listen); err != nil || !hostport.IsLoopback(host) {
		return usageError{errors.New("--listen: must be a loopback HOST:PORT, such as 127.0.0.1:8090")}
	}
	if l.Secret == "" {
		l.Secret = webhook.NewSecret()
	}
	key, err := webhook.ParseSecret(l.Secret)
	if err != nil {
		return usageError{fmt.Errorf("--secret (or SIGNPOST_WEBHOOK_SECRET): %w", err)}
	}
	r, err := receiver.New(key, l.handler(i), i.stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", l.Listen)
	if err != nil {
		return config.ListenError("--listen", l.Listen, err)
	}
	l.printStart(i, listener.Addr().(*net.TCPAddr))
	return serveReceiver(i, listener, r)
}

// printStart prints how to start the service. With --json, stdout holds events only.
func (l listenCmd) printStart(i *invocation, at *net.TCPAddr) {
	w, network := i.stdout, "127.0.0.0/8"
	if l.JSON {
		w = i.stderr
	}
	if at.IP.To4() == nil {
		network = at.IP.String() + "/128"
	}
	fmt.Fprintf(w, "Listening for events at http://%s/. Start the service with these settings:\n\n"+
		"  SIGNPOST_WEBHOOK_URL=http://%s/ SIGNPOST_WEBHOOK_SECRETS=%s SIGNPOST_WEBHOOK_NETWORKS=%s signpost serve\n\n",
		at, at, l.Secret, network)
}

// handler returns the function that handles an event. It prints the event after the command succeeded.
func (l listenCmd) handler(i *invocation) func(context.Context, receiver.Event) error {
	return func(ctx context.Context, e receiver.Event) error {
		if l.Exec != "" {
			if err := e.Run(ctx, l.Exec, i.stdout.Writer, i.stderr.Writer); err != nil {
				return err
			}
		}
		text := e.String()
		if l.JSON {
			text = e.JSON
		}
		_, err := fmt.Fprintln(i.stdout, text)
		return err
	}
}

// serveReceiver serves r until an interrupt, and finishes the event in progress.
func serveReceiver(i *invocation, listener net.Listener, r *receiver.Receiver) error {
	// No WriteTimeout: a request lasts as long as its command.
	server := &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorLog: log.New(i.stderr, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("listen: %w", err)
	case <-i.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		err = fmt.Errorf("an event was still in progress after %s; the service will retry it", shutdownTimeout)
		return errors.Join(err, server.Close())
	}
	return nil
}
