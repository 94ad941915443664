// Command interop uses a Workload API socket through go-spiffe and prints what it saw, one JSON
// object on each line.
//
//	interop fetch    --audience A --audience B   one of everything, each verified with go-spiffe
//	interop watch                                a line for each update of X.509-SVIDs and JWT bundles, until SIGTERM
//	interop validate --audience A --token T      a foreign JWT-SVID: with the bundle source, and by the server
//	interop serve    --peer ID                   mutual TLS server on loopback; answers each line with the sender's ID
//	interop dial     --peer ID --address H:P     mutual TLS client: one line there and back
package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/hex"
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
	requests := 0

	requests++
	x509Context, err := client.FetchX509Context(ctx)
	if err != nil {
		return fmt.Errorf("FetchX509Context: %w", err)
	}
	for _, svid := range x509Context.SVIDs {
		if err := verify(svid, x509Context); err != nil {
			return err
		}
		say(map[string]any{"event": "x509_svid", "id": svid.ID.String(), "hint": svid.Hint, "serial": serial(svid), "key": svid.Certificates[0].PublicKeyAlgorithm.String()})
	}
	requests++
	bundles, err := client.FetchX509Bundles(ctx)
	if err != nil {
		return fmt.Errorf("FetchX509Bundles: %w", err)
	}
	for _, bundle := range bundles.Bundles() {
		say(map[string]any{"event": "x509_bundle", "trustDomain": bundle.TrustDomain().Name(), "authorities": keyIDs(bundle.X509Authorities())})
	}
	requests++
	jwtBundles, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return fmt.Errorf("FetchJWTBundles: %w", err)
	}
	for _, bundle := range jwtBundles.Bundles() {
		say(map[string]any{"event": "jwt_bundle", "trustDomain": bundle.TrustDomain().Name(), "kids": kids(bundle)})
	}

	// For all audiences in one token, then for each of them by itself.
	wanted := []jwtsvid.Params{{Audience: o.audiences[0], ExtraAudiences: o.audiences[1:]}}
	for _, audience := range o.audiences {
		wanted = append(wanted, jwtsvid.Params{Audience: audience})
	}
	for _, params := range wanted {
		requests++
		svids, err := client.FetchJWTSVIDs(ctx, params)
		if err != nil {
			return fmt.Errorf("FetchJWTSVIDs: %w", err)
		}
		for _, svid := range svids {
			if _, err := jwtsvid.ParseAndValidate(svid.Marshal(), jwtBundles, []string{params.Audience}); err != nil {
				return fmt.Errorf("jwtsvid.ParseAndValidate: %w", err)
			}
			requests += 2
			if _, err := client.ValidateJWTSVID(ctx, svid.Marshal(), params.Audience); err != nil {
				return fmt.Errorf("ValidateJWTSVID: %w", err)
			}
			_, err := client.ValidateJWTSVID(ctx, svid.Marshal(), params.Audience+"-other")
			say(map[string]any{"event": "jwt_svid", "id": svid.ID.String(), "hint": svid.Hint, "audience": svid.Audience, "token": svid.Marshal(), "otherAudience": status.Code(err).String()})
		}
	}
	// Only by SPIFFE ID.
	for _, svid := range x509Context.SVIDs {
		requests++
		found, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: o.audiences[0], Subject: svid.ID})
		if err != nil {
			return fmt.Errorf("FetchJWTSVID: %w", err)
		}
		say(map[string]any{"event": "jwt_of_subject", "wanted": svid.ID.String(), "id": found.ID.String()})
	}
	requests++
	_, err = client.FetchWITSVIDs(ctx, "")
	say(map[string]any{"event": "wit", "code": status.Code(err).String()})
	say(map[string]any{"event": "done", "requests": requests})
	return nil
}

// verify checks the chain with the bundles alone.
func verify(svid *x509svid.SVID, x509Context *workloadapi.X509Context) error {
	id, _, err := x509svid.Verify(svid.Certificates, x509Context.Bundles)
	if err != nil {
		return fmt.Errorf("x509svid.Verify: %w", err)
	}
	if id != svid.ID {
		return fmt.Errorf("the certificate of %s names %s", svid.ID, id)
	}
	return nil
}

func serial(svid *x509svid.SVID) string {
	return fmt.Sprintf("%032x", svid.Certificates[0].SerialNumber)
}

func keyIDs(authorities []*x509.Certificate) []string {
	ids := []string{}
	for _, authority := range authorities {
		ids = append(ids, hex.EncodeToString(authority.SubjectKeyId))
	}
	return ids
}

func kids(bundle *jwtbundle.Bundle) []string {
	found := []string{}
	for kid := range bundle.JWTAuthorities() {
		found = append(found, kid)
	}
	return found
}

type x509Watcher struct{ ctx context.Context }

func (x509Watcher) OnX509ContextUpdate(update *workloadapi.X509Context) {
	svids, problems, authorities := []map[string]string{}, []string{}, []string{}
	for _, svid := range update.SVIDs {
		issuer := hex.EncodeToString(svid.Certificates[0].AuthorityKeyId)
		svids = append(svids, map[string]string{"id": svid.ID.String(), "serial": serial(svid), "issuer": issuer})
		if err := verify(svid, update); err != nil {
			problems = append(problems, err.Error())
		}
	}
	for _, bundle := range update.Bundles.Bundles() {
		authorities = append(authorities, keyIDs(bundle.X509Authorities())...)
	}
	say(map[string]any{"event": "x509_update", "svids": svids, "authorities": authorities, "problems": problems})
}

func (w x509Watcher) OnX509ContextWatchError(err error) { sayWatchError(w.ctx, err) }

type jwtWatcher struct{ ctx context.Context }

func (jwtWatcher) OnJWTBundlesUpdate(update *jwtbundle.Set) {
	found := []string{}
	for _, bundle := range update.Bundles() {
		found = append(found, kids(bundle)...)
	}
	say(map[string]any{"event": "jwt_update", "kids": found})
}

func (w jwtWatcher) OnJWTBundlesWatchError(err error) { sayWatchError(w.ctx, err) }

// sayWatchError ignores our own cancellation.
func sayWatchError(ctx context.Context, err error) {
	if ctx.Err() == nil {
		say(map[string]any{"event": "watch_error", "code": status.Code(err).String(), "message": err.Error()})
	}
}

func watch(ctx context.Context, _ options) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	ended := make(chan error, 2)
	go func() { ended <- client.WatchX509Context(ctx, x509Watcher{ctx}) }()
	go func() { ended <- client.WatchJWTBundles(ctx, jwtWatcher{ctx}) }()
	err = <-ended
	if ctx.Err() != nil {
		say(map[string]any{"event": "done"})
		return nil
	}
	// go-spiffe ends a watch only on a status that it does not retry.
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
	_, forged := client.ValidateJWTSVID(ctx, o.token[:len(o.token)-8]+"AAAAAAAA", o.audiences[0])
	_, other := client.ValidateJWTSVID(ctx, o.token, o.audiences[0]+"-other")
	say(map[string]any{"event": "validated", "local": local.ID.String(), "remote": remote.ID.String(), "forged": status.Code(forged).String(), "otherAudience": status.Code(other).String()})
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
