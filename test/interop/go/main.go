// Command interop talks to a Workload API socket through go-spiffe and says what it saw, one JSON object a line.
//
//	interop fetch   --audience A --audience B   one of everything, each checked as go-spiffe checks it
//	interop watch                               a line for each update of X.509-SVIDs and JWT bundles, until killed
//	interop validate --audience A --token T     a foreign JWT-SVID: by the bundle source, and by the server
//	interop serve   --peer ID                   mutual TLS server on loopback; answers each line with who sent it
//	interop dial    --peer ID --address H:P     mutual TLS client: one line there and back
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type audiences []string

func (a *audiences) String() string         { return strings.Join(*a, ",") }
func (a *audiences) Set(value string) error { *a = append(*a, value); return nil }

type options struct {
	audiences audiences
	token     string
	peer      string
	address   string
}

var (
	out     = json.NewEncoder(os.Stdout)
	outLock sync.Mutex
)

func say(fields map[string]any) {
	outLock.Lock()
	defer outLock.Unlock()
	_ = out.Encode(fields)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: interop fetch|watch|validate|serve|dial [flags]")
		os.Exit(2)
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.Var(&o.audiences, "audience", "audience, may be given more than once")
	flags.StringVar(&o.token, "token", "", "JWT-SVID")
	flags.StringVar(&o.peer, "peer", "", "SPIFFE ID that the other side must have")
	flags.StringVar(&o.address, "address", "", "host:port to dial")
	_ = flags.Parse(os.Args[2:])

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run, known := map[string]func(context.Context, options) error{
		"fetch": fetch, "watch": watch, "validate": validate, "serve": serve, "dial": dial,
	}[os.Args[1]]
	if !known {
		fmt.Fprintf(os.Stderr, "unknown command %q\n", os.Args[1])
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil {
		say(map[string]any{"event": "error", "code": status.Code(err).String(), "message": err.Error()})
		os.Exit(1)
	}
}

func fetch(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()

	x509Context, err := client.FetchX509Context(ctx)
	if err != nil {
		return fmt.Errorf("FetchX509Context: %w", err)
	}
	for _, svid := range x509Context.SVIDs {
		// Verify knows nothing of where the SVID came from: the chain must stand by itself.
		id, _, err := x509svid.Verify(svid.Certificates, x509Context.Bundles)
		if err != nil {
			return fmt.Errorf("x509svid.Verify: %w", err)
		}
		say(map[string]any{"event": "x509_svid", "id": id.String(), "hint": svid.Hint, "serial": svid.Certificates[0].SerialNumber.Text(16)})
	}
	bundles, err := client.FetchX509Bundles(ctx)
	if err != nil {
		return fmt.Errorf("FetchX509Bundles: %w", err)
	}
	for _, bundle := range bundles.Bundles() {
		say(map[string]any{"event": "x509_bundle", "trustDomain": bundle.TrustDomain().Name(), "authorities": len(bundle.X509Authorities())})
	}

	jwtSource, err := workloadapi.NewJWTSource(ctx)
	if err != nil {
		return fmt.Errorf("NewJWTSource: %w", err)
	}
	defer jwtSource.Close()
	for _, audience := range o.audiences {
		svids, err := jwtSource.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audience})
		if err != nil {
			return fmt.Errorf("FetchJWTSVIDs: %w", err)
		}
		for _, svid := range svids {
			if _, err := jwtsvid.ParseAndValidate(svid.Marshal(), jwtSource, []string{audience}); err != nil {
				return fmt.Errorf("jwtsvid.ParseAndValidate: %w", err)
			}
			if _, err := client.ValidateJWTSVID(ctx, svid.Marshal(), audience); err != nil {
				return fmt.Errorf("ValidateJWTSVID: %w", err)
			}
			_, err := client.ValidateJWTSVID(ctx, svid.Marshal(), audience+"-other")
			say(map[string]any{"event": "jwt_svid", "id": svid.ID.String(), "audience": svid.Audience, "token": svid.Marshal(), "hint": svid.Hint, "otherAudience": status.Code(err).String()})
		}
	}
	_, err = client.FetchWITSVIDs(ctx, "")
	say(map[string]any{"event": "wit", "code": status.Code(err).String()})
	return nil
}

type x509Watcher struct{}

func (x509Watcher) OnX509ContextUpdate(update *workloadapi.X509Context) {
	ids, serials := []string{}, []string{}
	for _, svid := range update.SVIDs {
		ids = append(ids, svid.ID.String())
		serials = append(serials, svid.Certificates[0].SerialNumber.Text(16))
	}
	authorities := 0
	for _, bundle := range update.Bundles.Bundles() {
		authorities += len(bundle.X509Authorities())
	}
	_, _, err := x509svid.Verify(update.DefaultSVID().Certificates, update.Bundles)
	say(map[string]any{"event": "x509_update", "ids": ids, "serials": serials, "authorities": authorities, "verified": err == nil})
}

func (x509Watcher) OnX509ContextWatchError(err error) {
	say(map[string]any{"event": "x509_error", "code": status.Code(err).String(), "message": err.Error()})
}

type jwtWatcher struct{}

func (jwtWatcher) OnJWTBundlesUpdate(update *jwtbundle.Set) {
	kids := []string{}
	for _, bundle := range update.Bundles() {
		for kid := range bundle.JWTAuthorities() {
			kids = append(kids, kid)
		}
	}
	say(map[string]any{"event": "jwt_update", "kids": kids})
}

func (jwtWatcher) OnJWTBundlesWatchError(err error) {
	say(map[string]any{"event": "jwt_error", "code": status.Code(err).String(), "message": err.Error()})
}

func watch(ctx context.Context, _ options) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	ended := make(chan error, 2)
	go func() { ended <- client.WatchX509Context(ctx, x509Watcher{}) }()
	go func() { ended <- client.WatchJWTBundles(ctx, jwtWatcher{}) }()
	err = <-ended
	if ctx.Err() != nil {
		return nil
	}
	// go-spiffe gives up a watch only on a status that it takes for final.
	return fmt.Errorf("a watch ended for good: %w", err)
}

func validate(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	source, err := workloadapi.NewJWTSource(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	local, err := jwtsvid.ParseAndValidate(o.token, source, o.audiences)
	if err != nil {
		return fmt.Errorf("jwtsvid.ParseAndValidate: %w", err)
	}
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	remote, err := client.ValidateJWTSVID(ctx, o.token, o.audiences[0])
	if err != nil {
		return fmt.Errorf("ValidateJWTSVID: %w", err)
	}
	_, err = client.ValidateJWTSVID(ctx, o.token[:len(o.token)-8]+"AAAAAAAA", o.audiences[0])
	say(map[string]any{"event": "validated", "local": local.ID.String(), "remote": remote.ID.String(), "forged": status.Code(err) == codes.InvalidArgument})
	return nil
}

func serve(ctx context.Context, o options) error {
	listener, err := spiffetls.Listen(ctx, "tcp", "127.0.0.1:0", tlsconfig.AuthorizeID(spiffeid.RequireFromString(o.peer)))
	if err != nil {
		return err
	}
	defer listener.Close()
	say(map[string]any{"event": "listening", "address": listener.Addr().String()})
	go func() { <-ctx.Done(); listener.Close() }()
	for {
		connection, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer connection.Close()
			line, err := bufio.NewReader(connection).ReadString('\n')
			if err != nil {
				say(map[string]any{"event": "refused", "message": err.Error()})
				return
			}
			peer, err := spiffetls.PeerIDFromConn(connection)
			if err != nil {
				say(map[string]any{"event": "refused", "message": err.Error()})
				return
			}
			say(map[string]any{"event": "served", "peer": peer.String(), "line": strings.TrimSpace(line)})
			fmt.Fprintf(connection, "hello %s\n", peer)
		}()
	}
}

func dial(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	connection, err := spiffetls.Dial(ctx, "tcp", o.address, tlsconfig.AuthorizeID(spiffeid.RequireFromString(o.peer)))
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintln(connection, "from go"); err != nil {
		return err
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err
	}
	say(map[string]any{"event": "answered", "line": strings.TrimSpace(line)})
	return nil
}
