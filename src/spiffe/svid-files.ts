import { encodePem } from '../crypto/pem.ts'
import { splitDer } from '../crypto/x509.ts'
import type { NamedFile } from '../foundation/file-set.ts'

/**
 * An X.509-SVID in DER as the Workload API delivers it (§5.2.1): certificates and bundle
 * concatenated, the key in PKCS#8.
 */
interface X509SvidDer {
  readonly x509Svid: Uint8Array
  readonly x509SvidKey: Uint8Array
  readonly bundle: Uint8Array
}

/**
 * The files of an X.509-SVID in the order in which to write them: the key first, so that a reader
 * that finds a new certificate also finds its key.
 */
export function x509SvidFiles({ x509Svid, x509SvidKey, bundle }: X509SvidDer): readonly NamedFile[] {
  return [
    { name: 'svid.key', data: encodePem('PRIVATE KEY', x509SvidKey), mode: 0o600 },
    { name: 'svid.pem', data: encodeCertificates(x509Svid), mode: 0o644 },
    { name: 'bundle.pem', data: encodeCertificates(bundle), mode: 0o644 },
  ]
}

export function jwtSvidFiles(token: string): readonly NamedFile[] {
  return [{ name: 'svid.jwt', data: token, mode: 0o600 }]
}

/** Converts concatenated DER certificates to PEM. */
export function encodeCertificates(concatenated: Uint8Array): string {
  return splitDer(Buffer.from(concatenated))
    .map((der) => encodePem('CERTIFICATE', der))
    .join('')
}
