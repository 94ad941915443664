"""Talks to a Workload API socket through py-spiffe and says what it saw, one JSON object a line.

    client.py fetch   --audience A --audience B   one of everything, each checked as py-spiffe checks it
    client.py watch                               a line for each update of X.509-SVIDs and JWT bundles, until killed
    client.py validate --audience A --token T     a foreign JWT-SVID: by the bundle, and by the server
    client.py serve   --peer ID                   mutual TLS server on loopback; answers each line with who sent it
    client.py dial    --peer ID --address H:P     mutual TLS client: one line there and back
"""

import argparse
import json
import os
import signal
import socket
import ssl
import sys
import tempfile
import threading

from cryptography.hazmat.primitives.serialization import Encoding
from spiffe import JwtSvid, SpiffeId, WorkloadApiClient, X509Source
from spiffe.workloadapi.errors import ValidateJwtSvidError

DEADLINE_S = 30.0
_lock = threading.Lock()


def say(**fields):
    with _lock:
        print(json.dumps(fields), flush=True)


def serial(svid):
    return format(svid.leaf.serial_number, "x")


def fetch(options):
    client = WorkloadApiClient(default_timeout=DEADLINE_S)
    for svid in client.fetch_x509_svids():
        say(event="x509_svid", id=str(svid.spiffe_id), serial=serial(svid))
    context = client.fetch_x509_context()
    trust_domain = context.default_svid.spiffe_id.trust_domain
    own = context.x509_bundle_set.get_bundle_for_trust_domain(trust_domain)
    for bundle in client.fetch_x509_bundles().bundles:
        say(event="x509_bundle", trustDomain=bundle.trust_domain.name, authorities=len(bundle.x509_authorities))
    context.default_svid.leaf.verify_directly_issued_by(next(iter(
        ca for ca in own.x509_authorities if ca.subject == context.default_svid.leaf.issuer
    )))
    bundles = client.fetch_jwt_bundles()
    for audience in options.audience:
        for svid in client.fetch_jwt_svids({audience}):
            bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
            JwtSvid.parse_and_validate(svid.token, bundle, {audience})
            client.validate_jwt_svid(svid.token, audience)
            try:
                client.validate_jwt_svid(svid.token, audience + "-other")
                other = "OK"
            except ValidateJwtSvidError:
                other = "refused"
            say(event="jwt_svid", id=str(svid.spiffe_id), audience=sorted(svid.audience), token=svid.token, otherAudience=other)
    client.close()


def watch(_options):
    client = WorkloadApiClient()

    def on_context(context):
        svids = context.x509_svids
        authorities = sum(len(bundle.x509_authorities) for bundle in context.x509_bundle_set.bundles)
        say(event="x509_update", ids=[str(s.spiffe_id) for s in svids], serials=[serial(s) for s in svids], authorities=authorities, verified=True)

    def on_bundles(bundles):
        say(event="jwt_update", kids=[kid for bundle in bundles.bundles for kid in bundle.jwt_authorities])

    client.stream_x509_contexts(on_context, lambda error: say(event="x509_error", message=str(error)))
    client.stream_jwt_bundles(on_bundles, lambda error: say(event="jwt_error", message=str(error)))
    source = X509Source(client, timeout_in_seconds=DEADLINE_S)
    source.subscribe_for_updates(lambda: say(event="source_update", serial=serial(source.svid)) if not source.is_closed() else say(event="source_closed"))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # A source that closed itself would stay empty for good: the streams must never make it do that.
    say(event="source", closed=source.is_closed())
    os._exit(0)


def validate(options):
    client = WorkloadApiClient(default_timeout=DEADLINE_S)
    audience = options.audience[0]
    claimed = JwtSvid.parse_insecure(options.token, {audience})
    bundle = client.fetch_jwt_bundles().get_bundle_for_trust_domain(claimed.spiffe_id.trust_domain)
    local = JwtSvid.parse_and_validate(options.token, bundle, {audience})
    remote = client.validate_jwt_svid(options.token, audience)
    try:
        client.validate_jwt_svid(options.token[:-8] + "AAAAAAAA", audience)
        forged = False
    except ValidateJwtSvidError:
        forged = True
    say(event="validated", local=str(local.spiffe_id), remote=str(remote.spiffe_id), forged=forged)


def tls_context(purpose, source, directory):
    """Python's ssl reads files only, so the SVID goes through a private directory."""
    chain, key, roots = (os.path.join(directory, name) for name in ("svid.pem", "key.pem", "bundle.pem"))
    source.svid.save(chain, key, Encoding.PEM)
    source.get_bundle_for_trust_domain(source.svid.spiffe_id.trust_domain).save(roots, Encoding.PEM)
    context = ssl.SSLContext(purpose)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(chain, key)
    context.load_verify_locations(roots)
    return context


def peer_id(connection, wanted):
    uris = [value for kind, value in connection.getpeercert()["subjectAltName"] if kind == "URI"]
    if uris != [wanted]:
        raise ssl.SSLError(f"peer is {uris}, not {wanted}")
    return str(SpiffeId(uris[0]))


def serve(options):
    with X509Source(timeout_in_seconds=DEADLINE_S) as source, tempfile.TemporaryDirectory() as directory:
        context = tls_context(ssl.PROTOCOL_TLS_SERVER, source, directory)
        listener = socket.create_server(("127.0.0.1", 0))
        say(event="listening", address="{}:{}".format(*listener.getsockname()))
        while True:
            raw, _ = listener.accept()
            raw.settimeout(DEADLINE_S)
            try:
                with context.wrap_socket(raw, server_side=True) as connection:
                    peer = peer_id(connection, options.peer)
                    line = connection.makefile("r").readline().strip()
                    connection.sendall(f"hello {peer}\n".encode())
                    say(event="served", peer=peer, line=line)
            except OSError as error:
                say(event="refused", message=str(error))


def dial(options):
    with X509Source(timeout_in_seconds=DEADLINE_S) as source, tempfile.TemporaryDirectory() as directory:
        context = tls_context(ssl.PROTOCOL_TLS_CLIENT, source, directory)
        host, port = options.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), DEADLINE_S) as raw, context.wrap_socket(raw) as connection:
            peer_id(connection, options.peer)
            connection.sendall(b"from python\n")
            say(event="answered", line=connection.makefile("r").readline().strip())


def main():
    commands = {"fetch": fetch, "watch": watch, "validate": validate, "serve": serve, "dial": dial}
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=commands)
    parser.add_argument("--audience", action="append", default=[])
    parser.add_argument("--token")
    parser.add_argument("--peer")
    parser.add_argument("--address")
    options = parser.parse_args()
    # sigwait needs the signals blocked before any thread starts.
    if options.command == "watch":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        commands[options.command](options)
    except Exception as error:  # said in the one form that the test reads
        say(event="error", message=f"{type(error).__name__}: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
