"""Uses a Workload API socket through py-spiffe and prints what it saw, one JSON object on each line.

    client.py fetch    --audience A --audience B   one of everything, each verified with py-spiffe
    client.py watch                                a line for each update of X.509-SVIDs and JWT bundles, until SIGTERM
    client.py validate --audience A --token T      a foreign JWT-SVID: with the bundle, and by the server
    client.py serve    --peer ID                   mutual TLS server on loopback; answers each line with the sender's ID
    client.py dial     --peer ID --address H:P     mutual TLS client: one line there and back
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

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import AuthorityKeyIdentifier, SubjectKeyIdentifier
from spiffe import JwtSvid, SpiffeId, WorkloadApiClient, X509Source
from spiffe.workloadapi.errors import ValidateJwtSvidError

DEADLINE_S = 30.0
_lock = threading.Lock()


def say(**fields):
    with _lock:
        print(json.dumps(fields), flush=True)


def serial(svid):
    return format(svid.leaf.serial_number, "032x")


def issuer(svid):
    return svid.leaf.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier.hex()


def key_id(authority):
    return authority.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest.hex()


def verify(svid, bundles):
    """Verifies the signature. py-spiffe only parses what it receives and checks the profile."""
    bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    authorities = {key_id(authority): authority for authority in bundle.x509_authorities}
    svid.leaf.verify_directly_issued_by(authorities[issuer(svid)])


def status_of_validating(client, token, audience):
    try:
        client.validate_jwt_svid(token, audience)
        return "OK"
    except ValidateJwtSvidError as error:
        return "InvalidArgument" if "StatusCode.INVALID_ARGUMENT" in str(error) else str(error)


def fetch(options):
    client = WorkloadApiClient(default_timeout=DEADLINE_S)
    context = client.fetch_x509_context()
    for svid in context.x509_svids:
        verify(svid, context.x509_bundle_set)
        key = "RSA" if isinstance(svid.leaf.public_key(), RSAPublicKey) else "ECDSA"
        say(event="x509_svid", id=str(svid.spiffe_id), serial=serial(svid), key=key)
    for bundle in client.fetch_x509_bundles().bundles:
        authorities = [key_id(authority) for authority in bundle.x509_authorities]
        say(event="x509_bundle", trustDomain=bundle.trust_domain.name, authorities=authorities)
    bundles = client.fetch_jwt_bundles()
    for bundle in bundles.bundles:
        say(event="jwt_bundle", trustDomain=bundle.trust_domain.name, kids=list(bundle.jwt_authorities))
    requests = 3

    # For all audiences in one token, then for each of them by itself.
    for audiences in [set(options.audience), *({audience} for audience in options.audience)]:
        requests += 1
        for svid in client.fetch_jwt_svids(audiences):
            bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
            JwtSvid.parse_and_validate(svid.token, bundle, audiences)
            one = min(audiences)
            client.validate_jwt_svid(svid.token, one)
            other = status_of_validating(client, svid.token, one + "-other")
            requests += 2
            say(event="jwt_svid", id=str(svid.spiffe_id), audience=sorted(svid.audience), token=svid.token, otherAudience=other)
    # Only by SPIFFE ID.
    for svid in context.x509_svids:
        requests += 1
        found = client.fetch_jwt_svid({options.audience[0]}, subject=svid.spiffe_id)
        say(event="jwt_of_subject", wanted=str(svid.spiffe_id), id=str(found.spiffe_id))
    client.close()
    say(event="done", requests=requests)


def watch(_options):
    client = WorkloadApiClient()

    def on_context(context):
        problems = []
        for svid in context.x509_svids:
            try:
                verify(svid, context.x509_bundle_set)
            except Exception as error:  # the test reads the problem
                problems.append(f"{type(error).__name__}: {error}")
        say(
            event="x509_update",
            svids=[{"id": str(s.spiffe_id), "serial": serial(s), "issuer": issuer(s)} for s in context.x509_svids],
            authorities=[key_id(a) for bundle in context.x509_bundle_set.bundles for a in bundle.x509_authorities],
            problems=problems,
        )

    def on_bundles(bundles):
        say(event="jwt_update", kids=[kid for bundle in bundles.bundles for kid in bundle.jwt_authorities])

    def on_end(error):
        # py-spiffe reports only errors that it does not retry.
        say(event="error", message=f"a watch ended for good: {error}")

    client.stream_x509_contexts(on_context, on_end)
    client.stream_jwt_bundles(on_bundles, on_end)
    source = X509Source(client, timeout_in_seconds=DEADLINE_S)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # A source that closed itself stays empty. Nothing that the streams delivered may have caused that.
    held = None if source.is_closed() else serial(source.get_x509_context().default_svid)
    say(event="done", closed=source.is_closed(), serial=held)
    os._exit(0)  # the threads of the streams cannot be ended otherwise


def validate(options):
    client = WorkloadApiClient(default_timeout=DEADLINE_S)
    audience = options.audience[0]
    claimed = JwtSvid.parse_insecure(options.token, {audience})
    bundle = client.fetch_jwt_bundles().get_bundle_for_trust_domain(claimed.spiffe_id.trust_domain)
    local = JwtSvid.parse_and_validate(options.token, bundle, {audience})
    remote = client.validate_jwt_svid(options.token, audience)
    forged = status_of_validating(client, options.token[:-8] + "AAAAAAAA", audience)
    other = status_of_validating(client, options.token, audience + "-other")
    say(event="validated", local=str(local.spiffe_id), remote=str(remote.spiffe_id), forged=forged, otherAudience=other)


def tls_context(purpose, source, directory):
    """Creates a TLS context. Python's ssl reads only files, so the SVID is written to a private directory."""
    chain, key, roots = (os.path.join(directory, name) for name in ("svid.pem", "key.pem", "bundle.pem"))
    svid = source.get_x509_context().default_svid
    svid.save(chain, key, Encoding.PEM)
    source.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain).save(roots, Encoding.PEM)
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
            line = connection.makefile("r").readline().strip()
            if not line:
                raise ssl.SSLError("the server closed the connection without an answer")
            say(event="answered", line=line)


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
    except Exception as error:  # reported in the form that the test reads
        say(event="error", message=f"{type(error).__name__}: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
