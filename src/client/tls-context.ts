import { constants } from 'node:crypto'
import tls, { type SecureContext, type SecureContextOptions } from 'node:tls'
import { pemChain } from '../rpc/pem-chain.ts'
import type { OwnX509Svid } from './x509-update.ts'

/**
 * The TLS options for this side's certificate. `ca` is empty instead of the system's roots: OpenSSL
 * has one pool of roots and would let any trust domain vouch for any other, so `verifyPeer`
 * validates the peer's chain after the handshake. TLS 1.3 only: it encrypts certificates and has no
 * renegotiation.
 */
export function contextOptions({ chain, privateKey }: OwnX509Svid): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    cert: pemChain(chain.map(({ der }) => der)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    ca: [],
    // OpenSSL then issues stateful tickets, which name an entry in a session cache that Node does
    // not keep. A resumed session would outlive the certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

const contexts = new WeakMap<OwnX509Svid, SecureContext>()

/** Cached per SVID. */
export function clientContext(svid: OwnX509Svid): SecureContext {
  let context = contexts.get(svid)
  if (context === undefined) {
    context = tls.createSecureContext(contextOptions(svid))
    contexts.set(svid, context)
  }
  return context
}
