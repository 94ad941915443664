"""An HTTPS client that speaks only to the server it is told to, by SPIFFE ID.

Each second once over a connection that it keeps, and once over a new one:

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
    """A connection to one server, whose SPIFFE ID is known; the address only leads there."""

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
        """Made anew for each connection, from what the source has at that moment.

        spiffetls.create_ssl_context would be shorter, but it stays subscribed to the source for ever, and it accepts every CA that
        the source knows for every SPIFFE ID. Here only those of the peer's own trust domain count.
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

    # Finds the agent by SPIFFE_ENDPOINT_SOCKET, waits until it has an SVID for this process, and keeps it current from then on.
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
