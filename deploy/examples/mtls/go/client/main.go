// Command client is an HTTPS client that accepts only a server with the given SPIFFE ID. Each
// second it sends one request over a connection that it keeps, and one over a new connection.
//
//	go run ./client -url https://127.0.0.1:8443 -peer spiffe://example.org/server
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
	url := flag.String("url", "https://127.0.0.1:8443", "where to")
	peer := flag.String("peer", "", "SPIFFE ID of the server")
	every := flag.Int("every", 1000, "milliseconds between two rounds")
	count := flag.Int("count", 0, "rounds; 0: no end")
	flag.Parse()
	id, err := spiffeid.FromString(*peer)
	if err != nil {
		log.Fatal(err)
	}

	source, err := workloadapi.NewX509Source(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()

	// The configuration gets its SVID from the source at each handshake, so one is enough. The host
	// name in the URL only routes the connection; it is not verified.
	config := tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeID(id))
	kept := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	fresh := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}

	failed := false
	for round := 1; ; round++ {
		for _, each := range []struct {
			kind   string
			client *http.Client
		}{{"kept", kept}, {"new", fresh}} {
			answer, err := get(each.client, *url)
			if err != nil {
				failed = true
				answer = fmt.Sprintf("failed: %v", err)
			}
			fmt.Printf("%s: %s\n", each.kind, answer)
		}
		if round == *count {
			break
		}
		time.Sleep(time.Duration(*every) * time.Millisecond)
	}
	if failed {
		os.Exit(1)
	}
}

func get(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(body)), err
}
