import { exportPkcs8 } from '../../crypto/keys.ts'
import type { Clock } from '../../foundation/clock.ts'
import { ownBytes } from '../../foundation/own-bytes.ts'
import type { Random } from '../../foundation/random.ts'
import { parseX509Svid, type ValidX509Svid, validateX509Svid } from '../../spiffe/x509-svid.ts'
import { askingUser } from '../attestation/asking-user.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { UnusableSvidError } from './errors.ts'
import type { KeyPools } from './key-pools.ts'
import { renewalTimeMs } from './renewal-time.ts'
import type { IdentityClaim, SvidIssuer } from './svid-issuer.ts'
import { overBootMs } from './svid-life.ts'
import { noteVoucher } from './x509-check.ts'
import type { CachedX509Svid } from './x509-entry.ts'

export interface X509IssueDeps {
  readonly issuer: Pick<SvidIssuer, 'issueX509'>
  readonly knowledge: KnowledgeSource
  readonly keys: Pick<KeyPools, 'take'>
  readonly clock: Clock
  readonly random: Random
}

/**
 * Makes a new key (decision 0008), obtains a certificate for it and verifies that: some clients
 * stop for good after one bad SVID. Whether it is valid now is not checked here, because this
 * host's clock may be wrong.
 * @throws UnusableSvidError | RpcError
 */
export async function issueX509Svid(deps: X509IssueDeps, claim: IdentityClaim): Promise<CachedX509Svid> {
  const key = await deps.keys.take(claim.keyType, askingUser(claim.workloadAttributes))
  const { chain } = await deps.issuer.issueX509(claim, key.publicKeyDer)
  const bundle = deps.knowledge.value?.bundle
  if (bundle === undefined) throw new UnusableSvidError('there is no bundle to validate it with')
  const receivedMs = deps.clock.now().getTime()
  let svid: ValidX509Svid
  try {
    const { leaf } = parseX509Svid(chain)
    svid = validateX509Svid(
      chain,
      bundle,
      Math.min(Math.max(receivedMs / 1000, leaf.notBefore), leaf.notAfter),
    )
  } catch (error) {
    throw new UnusableSvidError('it does not validate against the bundle', { cause: error })
  }
  const spiffeId = svid.spiffeId.toString()
  if (spiffeId !== claim.spiffeId) throw new UnusableSvidError('it names another SPIFFE ID')
  if (!svid.leaf.publicKeyDer.equals(key.publicKeyDer)) throw new UnusableSvidError('it is for another key')
  const life = { notBeforeMs: svid.leaf.notBefore * 1000, notAfterMs: svid.leaf.notAfter * 1000 }
  const cached: CachedX509Svid = {
    spiffeId,
    chainDer: ownBytes(...chain),
    keyDer: exportPkcs8(key.privateKey),
    serial: svid.leaf.serial,
    signedBy: svid.chain.flatMap(({ authorityKeyId }) => authorityKeyId ?? []),
    ...life,
    overBootMs: overBootMs(life, deps.clock),
    receivedMs,
    renewAtMs: renewalTimeMs(receivedMs, life.notAfterMs, deps.random),
  }
  noteVoucher(cached, svid.authority.der)
  return cached
}
