import assert from 'node:assert/strict'
import { JwsSigner } from '../../crypto/jws.ts'
import { spkiSha256 } from '../../crypto/keys.ts'
import { SigningCa } from '../../crypto/signing-ca.ts'
import { Bundle } from '../../spiffe/bundle.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { KeyPurpose } from '../datastore/schema/keys.ts'
import { publishMs } from './schedule.ts'
import type { ServerTls } from './server-tls.ts'
import type { SigningKey } from './signing-key.ts'

/** Everything that signs or verifies now; replaced as a whole at each change. */
export interface CaState {
  readonly bundle: Bundle
  /** The active SPIFFE CA. */
  readonly x509: SigningCa
  /** The active JWT key, and the end of its life in seconds since 1970. */
  readonly jwt: JwsSigner & { readonly notAfter: number }
  readonly activeX509KeyId: string
  readonly activeJwtKeyId: string
  /** DER of every control root that agents shall accept, some of them at an end: what is renewed late hangs on them. */
  readonly controlRoots: readonly Buffer[]
  readonly controlIssuing: SigningCa
  /** DER of every control issuing CA whose bot certificates may still be shown. */
  readonly controlIssuers: readonly Buffer[]
  /** Issuing CA, then root (DER). */
  readonly controlChain: readonly Buffer[]
  /** `sha256:` and the hash of the active control root's SubjectPublicKeyInfo. */
  readonly pin: string
  readonly serverTls: ServerTls
  /** Keys that must not be used any more, whatever their state. */
  readonly taintedKeyIds: readonly string[]
}

/** Agents get pushes; whoever polls the bundle shall see a key well before it signs. */
const LONGEST_REFRESH_HINT_S = 300

export type CaStateWithoutTls = Omit<CaState, 'serverTls'>

export function buildCaState(
  keys: readonly SigningKey[],
  trustDomain: TrustDomain,
  sequence: number,
): CaStateWithoutTls {
  const x509 = activeKey(keys, 'spiffe_x509')
  const jwt = activeKey(keys, 'jwt')
  const root = activeKey(keys, 'control_root')
  const controlIssuing = signingCa(activeKey(keys, 'control_issuing'))
  const refreshHintSeconds = Math.max(1, Math.min(LONGEST_REFRESH_HINT_S, Math.floor(publishMs(x509) / 4000)))
  const signer = new JwsSigner({ alg: 'ES256', kid: jwt.keyId, typ: 'JWT', privateKey: privateKeyOf(jwt) })
  return {
    bundle: Bundle.of({
      trustDomain: trustDomain.name,
      x509Authorities: published(keys, 'spiffe_x509').map(certificateOf),
      jwtAuthorities: published(keys, 'jwt').map(({ keyId, publicKeyDer }) => ({ kid: keyId, publicKeyDer })),
      sequence: BigInt(sequence),
      refreshHintSeconds,
    }),
    x509: signingCa(x509),
    jwt: Object.assign(signer, { notAfter: Math.floor(jwt.notAfterMs / 1000) }),
    activeX509KeyId: x509.keyId,
    activeJwtKeyId: jwt.keyId,
    controlRoots: byState(keys, 'control_root').map(certificateOf),
    controlIssuing,
    controlIssuers: byState(keys, 'control_issuing').map(certificateOf),
    controlChain: [controlIssuing.certificateDer, certificateOf(root)],
    pin: `sha256:${spkiSha256(root.publicKeyDer)}`,
    taintedKeyIds: [],
  }
}

export function activeKey(keys: readonly SigningKey[], purpose: KeyPurpose): SigningKey {
  const found = keys.find((key) => key.purpose === purpose && key.state === 'active')
  assert.ok(found, `no active ${purpose} key`)
  return found
}

/** Active first: a reader that takes only one takes the right one. */
function byState(keys: readonly SigningKey[], purpose: KeyPurpose): SigningKey[] {
  const mine = keys.filter((key) => key.purpose === purpose)
  return [...mine.filter((key) => key.state === 'active'), ...mine.filter((key) => key.state !== 'active')]
}

function published(keys: readonly SigningKey[], purpose: KeyPurpose): SigningKey[] {
  return byState(keys, purpose).filter((key) => key.state !== 'ended')
}

function signingCa(key: SigningKey): SigningCa {
  return new SigningCa(certificateOf(key), privateKeyOf(key))
}

function certificateOf(key: SigningKey): Buffer {
  assert.ok(key.certificateDer, `${key.purpose} key without certificate`)
  return key.certificateDer
}

function privateKeyOf(key: SigningKey) {
  assert.ok(key.privateKey, `${key.purpose} key without private part`)
  return key.privateKey
}
