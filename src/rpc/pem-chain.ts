import { encodePem } from '../crypto/pem.ts'

/** Certificates as OpenSSL reads them. */
export function pemChain(certificates: readonly Buffer[]): string {
  return certificates.map((der) => encodePem('CERTIFICATE', der)).join('')
}
