// Command server is an HTTPS server that accepts only clients with the given SPIFFE IDs and tells
// each of them its own.
//
//	go run ./server -listen 127.0.0.1:8443 -peer spiffe://example.org/client
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8443", "address to listen on")
	var peers []spiffeid.ID
	flag.Func("peer", "SPIFFE ID that may call; may be repeated", func(text string) error {
		id, err := spiffeid.FromString(text)
		peers = append(peers, id)
		return err
	})
	flag.Parse()

	// Finds the agent by SPIFFE_ENDPOINT_SOCKET, waits for an SVID for this process, and keeps it current.
	source, err := workloadapi.NewX509Source(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()

	config := tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeOneOf(peers...))
	// Go does not verify a peer again when it resumes a session, however old that is.
	config.SessionTicketsDisabled = true

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	server := &http.Server{TLSConfig: config, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(greet)}
	log.Fatal(server.ServeTLS(listener, "", ""))
}

func greet(w http.ResponseWriter, r *http.Request) {
	certificate := r.TLS.PeerCertificates[0] // verified and authorized during the handshake
	id, err := x509svid.IDFromCert(certificate)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintf(w, "hello %s, with certificate %x, from port %s\n", id, certificate.SerialNumber, port)
}
