import { encodePem } from '../crypto/pem.ts'

/** A chain of DER certificates as PEM, as OpenSSL reads it. */
export function pemChain(certificates: readonly Buffer[]): string {
  return certificates.map((der) => encodePem('CERTIFICATE', der)).join('')
}
