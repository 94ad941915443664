"""An HTTPS client that accepts only a server with the given SPIFFE ID.

Each second it sends one request over a connection that it keeps, and one over a new connection:

    python client.py --address 127.0.0.1:8443 --peer spiffe://example.org/server
"""

import argparse
import http.client
import itertools
import socket
import sys
import time

from OpenSSL import SSL, crypto
from spiffe import SpiffeId, X509Source
from spiffetls.stdlib_context import WrappedSocket
from spiffetls.tlsconfig.authorize import authorize_id


class SpiffeConnection(http.client.HTTPConnection):
    """A connection to a server with a known SPIFFE ID; the address only routes the connection."""

    def __init__(self, address, source, peer):
        super().__init__(*address.rsplit(":", 1))
        self._source, self._peer = source, peer

    def connect(self):
        plain = socket.create_connection((self.host, self.port))
        tls = SSL.Connection(self._context(), plain)
        tls.set_connect_state()
        try:
            tls.do_handshake()
        except SSL.Error:
            plain.close()
            raise
        self.sock = WrappedSocket(tls, plain)

    def _context(self):
        """Creates a context for one connection from the current state of the source.

        spiffetls.create_ssl_context would be shorter, but it stays subscribed to the source for ever, and
        it accepts every CA of the source for every SPIFFE ID. Here only the CAs of the peer's own trust
        domain count.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        current = self._source.get_x509_context()
        svid = current.default_svid
        context.use_certificate(crypto.X509.from_cryptography(svid.leaf))
        for certificate in svid.cert_chain[1:]:
            context.add_extra_chain_cert(crypto.X509.from_cryptography(certificate))
        context.use_privatekey(crypto.PKey.from_cryptography_key(svid.private_key))
        bundle = current.x509_bundle_set.get_bundle_for_trust_domain(self._peer.trust_domain)
        for authority in bundle.x509_authorities:
            context.get_cert_store().add_cert(crypto.X509.from_cryptography(authority))
        is_peer = authorize_id(self._peer)
        context.set_verify(
            SSL.VERIFY_PEER,
            lambda _connection, certificate, _error, depth, ok: bool(ok) and (depth > 0 or is_peer(certificate)),
        )
        return context


def get(connection):
    connection.request("GET", "/")
    return connection.getresponse().read().decode().strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1:8443")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--every", type=int, default=1000, help="milliseconds between two rounds")
    parser.add_argument("--count", type=int, help="rounds; without it there is no end")
    options = parser.parse_args()
    failed = False

    # Finds the agent by SPIFFE_ENDPOINT_SOCKET, waits for an SVID for this process, and keeps it current.
    with X509Source() as source:
        connect = lambda: SpiffeConnection(options.address, source, SpiffeId(options.peer))
        kept = connect()
        for round_ in itertools.count(1):
            for kind, connection in (("kept", kept), ("new", connect())):
                try:
                    answer = get(connection)
                except Exception as error:
                    failed = True
                    answer = f"failed: {type(error).__name__}: {error}"
                    connection.close()
                if kind == "new":
                    connection.close()
                print(f"{kind}: {answer}", flush=True)
            if round_ == options.count:
                break
            time.sleep(options.every / 1000)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
