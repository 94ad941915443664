import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { type Certificate, MAX_CHAIN_LENGTH, parseCertificate, verifyChain } from '../crypto/x509.ts'
import { messageOf } from '../foundation/errors.ts'

/** The client certificate of a handshake: one with a valid chain, none, or the reason why it is refused. */
type ClientCertificate = { readonly certificate: Certificate | undefined } | { readonly refused: string }

/** The CAs that may have issued a client certificate. */
export interface ClientCas {
  readonly roots: readonly Certificate[]
  /** Known CAs under the roots, for when Node does not tell which intermediates the client sent. */
  readonly issuers: readonly Certificate[]
}

/** One more than allowed, to detect a chain that is too long, and the root, which some clients send. */
const MAX_READ = MAX_CHAIN_LENGTH + 2

/** The chain that the peer sent, DER, leaf first. OpenSSL has verified that the peer has the leaf's key. */
export function peerChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = []
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (next?.raw !== undefined && chain.length < MAX_READ) {
    chain.push(next.raw)
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return chain
}

/**
 * Checks a client's chain with our own parser in addition to OpenSSL, which reports only the last
 * of several failures: a foreign certificate that has also expired looks merely expired. Time alone
 * is no reason to refuse here. The authority decides later what an expired caller may do, and a
 * certificate that is not valid yet was signed here while one of the clocks was wrong.
 */
export function checkClientCertificate(
  socket: TLSSocket,
  cas: ClientCas,
  nowSeconds: number,
): ClientCertificate {
  const chain = peerChain(socket)
  if (chain.length === 0) return { certificate: undefined }
  try {
    const [leaf, ...rest] = chain.map((der) => parseCertificate(der))
    if (leaf === undefined) return { certificate: undefined }
    const expired = nowSeconds > leaf.notAfter
    if (leaf.isCa || !leaf.extKeyUsages.includes('clientAuth')) return { refused: 'not a client certificate' }
    const sent = rest.filter((certificate) => !certificate.subjectDer.equals(certificate.issuerDer))
    const issuers =
      sent.length > 0 ? sent : cas.issuers.filter((ca) => ca.subjectKeyId === leaf.authorityKeyId)
    const begins = Math.max(leaf.notBefore, ...issuers.map(({ notBefore }) => notBefore))
    const isTimely = !expired && nowSeconds >= begins
    if (!socket.authorized && isTimely) return { refused: String(socket.authorizationError) }
    verifyChain([leaf, ...issuers], cas.roots, Math.min(Math.max(nowSeconds, begins), leaf.notAfter))
    return { certificate: leaf }
  } catch (error) {
    return { refused: messageOf(error) }
  }
}
