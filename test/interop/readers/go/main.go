// Reads certificates with crypto/x509, as go-spiffe does: one line of DER in hex in, one line with
// the answer out.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		der, err := hex.DecodeString(lines.Text())
		if err == nil {
			var certificates []*x509.Certificate
			certificates, err = x509.ParseCertificates(der)
			if err == nil {
				x509.NewCertPool().AddCert(certificates[0])
			}
		}
		if err != nil {
			fmt.Fprintf(out, "no: %q\n", err.Error())
		} else {
			fmt.Fprintln(out, "yes")
		}
	}
}
