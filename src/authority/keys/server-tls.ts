import type { KeyObject } from 'node:crypto'
import { generateKeyPair } from '../../crypto/keys.ts'
import { randomSerial, type SigningCa } from '../../crypto/signing-ca.ts'
import type { Random } from '../../foundation/random.ts'
import { authorityName } from '../../spiffe/authority-name.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'

/** Short, because the certificate is renewed automatically and its key exists in memory only. */
const LIFETIME_MS = 7 * 86_400_000

/** The certificate chain of the TLS listener: leaf, issuing CA, root; and the leaf's key. */
export interface ServerTls {
  readonly chain: readonly Buffer[]
  readonly key: KeyObject
  readonly issuerKeyId: string
  /** Half of the certificate's life (Unix milliseconds). */
  readonly renewMs: number
}

/**
 * Issues the listener's certificate. Its name is the same whatever address, forward or load balancer
 * the authority is reached by (decision 0007).
 */
export async function issueServerTls(
  issuing: SigningCa,
  rootDer: Buffer,
  deps: { readonly trustDomain: TrustDomain; readonly random: Random },
  nowMs: number,
): Promise<ServerTls> {
  const { privateKey, publicKeyDer } = await generateKeyPair('ec-p256')
  const endMs = Math.min(Math.max(nowMs, issuing.notBefore * 1000) + LIFETIME_MS, issuing.notAfter * 1000)
  const leaf = issuing.signLeaf({
    serial: randomSerial(deps.random),
    publicKeyDer,
    // The CA's notBefore, so that agent and authority can still talk when the agent's clock is
    // behind, or the authority's was ahead.
    notBefore: issuing.notBefore,
    notAfter: Math.floor(endMs / 1000),
    dnsSans: [authorityName(deps.trustDomain.name)],
    extKeyUsages: ['serverAuth'],
  })
  return {
    chain: [leaf, issuing.certificateDer, rootDer],
    key: privateKey,
    issuerKeyId: issuing.keyId,
    renewMs: nowMs + (endMs - nowMs) / 2,
  }
}
