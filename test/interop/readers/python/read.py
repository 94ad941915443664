"""Reads certificates with cryptography, as py-spiffe does.

Reads one line of DER in hex for each certificate, and prints one line with the answer.
"""

import sys
import warnings

from cryptography import x509
from spiffe import TrustDomain, X509Bundle

warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="Attribute.s length")


def look(der: bytes) -> None:
    bundle = X509Bundle.parse_raw(TrustDomain("example.org"), der)
    if len(bundle.x509_authorities) != 1:
        raise ValueError(f"{len(bundle.x509_authorities)} certificates")
    certificate = x509.load_der_x509_certificate(der)
    certificate.subject.rfc4514_string()
    certificate.issuer.rfc4514_string()
    certificate.public_key()
    certificate.not_valid_before_utc
    certificate.not_valid_after_utc
    certificate.signature_algorithm_oid
    certificate.serial_number
    if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ValueError("not a CA")


for line in sys.stdin:
    try:
        look(bytes.fromhex(line))
        print("yes")
    except BaseException as error:  # a Rust panic is not an Exception
        print("no:", repr(error).replace("\n", " "))
