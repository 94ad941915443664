import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { type Certificate, MAX_CHAIN_LENGTH, parseCertificate, verifyChain } from '../crypto/x509.ts'
import { messageOf } from '../foundation/errors.ts'

/** What a client showed of itself in the handshake: a certificate whose chain holds, nothing, or something that is refused. */
export type ClientCertificate =
  | { readonly certificate: Certificate | undefined }
  | { readonly refused: string }

/** Who may have issued a client's certificate. */
export interface ClientCas {
  readonly roots: readonly Certificate[]
  /** Known CAs under the roots, for when those that the client sent are not to be had. */
  readonly issuers: readonly Certificate[]
}

/** A chain that is too long has to be seen to be: one more, and the root, which some send along. */
const MAX_READ = MAX_CHAIN_LENGTH + 2

/** The certificates that the peer sent, as far as they make a chain, leaf first. OpenSSL has checked that the leaf's key is the peer's. */
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
 * Checks a client's chain with a reader of our own as well. OpenSSL reports only the last of several failures, so that a foreign certificate
 * that has also expired looks merely expired to it. Time alone does not refuse: what an expired caller may do is decided behind this, and one that
 * comes too early shows what was signed here while another of the clocks was wrong.
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
