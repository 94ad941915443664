import { constants } from 'node:crypto'
import tls, { type SecureContext, type SecureContextOptions } from 'node:tls'
import { pemChain } from '../rpc/pem-chain.ts'
import type { OwnX509Svid } from './x509-update.ts'

/**
 * What is shown of us. Without roots, in place of the system's: OpenSSL knows one pool of them and would let any trust domain vouch for any
 * other, so the peer's chain is validated behind it. TLS 1.3, where certificates are not seen on the wire and nothing is renegotiated.
 */
export function contextOptions({ chain, privateKey }: OwnX509Svid): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    cert: pemChain(chain.map(({ der }) => der)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    ca: [],
    // With this option a ticket only names an entry of a cache, and Node keeps none: a resumed session would outlive the certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

const contexts = new WeakMap<OwnX509Svid, SecureContext>()

/** Made once for each SVID. */
export function clientContext(svid: OwnX509Svid): SecureContext {
  let context = contexts.get(svid)
  if (context === undefined) {
    context = tls.createSecureContext(contextOptions(svid))
    contexts.set(svid, context)
  }
  return context
}
