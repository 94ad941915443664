import assert from 'node:assert/strict'
import { JwsSigner } from '../../crypto/jws.ts'
import { SIGNING_ALGORITHMS, SIGNING_KEYS, type SigningAlgorithm } from '../../crypto/jws-algorithm.ts'
import { exportSpki, spkiSha256 } from '../../crypto/keys.ts'
import { SigningCa } from '../../crypto/signing-ca.ts'
import { Bundle } from '../../spiffe/bundle.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import { algorithmOf, type JwtAlgorithms } from './jwt-algorithms.ts'
import { isOf, type KeyLine, lineOf } from './key-lines.ts'
import { purposesWhere } from './purposes.ts'
import { publishedMs } from './schedule.ts'
import type { ServerTls } from './server-tls.ts'
import type { SigningKey } from './signing-key.ts'

/** An active JWT key. `notAfter` is in seconds since 1970. */
export type JwtSigner = JwsSigner & { readonly notAfter: number }

/** The purposes whose keys sign leaf certificates. */
type CaPurpose = 'spiffe_x509' | 'control_issuing'

/** The keys that sign and verify now. Replaced as a whole at each change. */
export interface KeysInUse {
  readonly bundle: Bundle
  /** The active CA of a purpose. */
  signer(purpose: CaPurpose): SigningCa
  /** Signs tokens for audiences that the configuration does not name. */
  readonly jwt: JwtSigner
  /**
   * The signer for each configured algorithm: its active key or, until it has one, a key of another
   * algorithm.
   */
  readonly jwtSigners: ReadonlyMap<SigningAlgorithm, JwtSigner>
  readonly activeX509KeyId: string
  readonly activeJwtKeyId: string
  /** The IDs of all JWT keys that sign now, `activeJwtKeyId` first. */
  readonly activeJwtKeyIds: readonly string[]
  /**
   * DER of every control root that agents accept. Expired ones are included, because bot certificates
   * below them may still be renewed.
   */
  readonly controlRoots: readonly Buffer[]
  /** DER of every control issuing CA whose bot certificates agents may still present. */
  readonly controlIssuers: readonly Buffer[]
  /** DER: the issuing CA, then the root. */
  readonly controlChain: readonly Buffer[]
  /** `sha256:` and the hex SHA-256 of the active control root's SubjectPublicKeyInfo. */
  readonly pin: string
  readonly serverTls: ServerTls
  /** IDs of keys that must not be used any more, whatever their state. */
  readonly taintedKeyIds: readonly string[]
}

/**
 * Upper limit of the bundle's refresh hint. Agents get changes pushed; a client that polls must see a
 * key well before it signs.
 */
const MAX_REFRESH_HINT_S = 300

type KeysInUseWithoutTls = Omit<KeysInUse, 'serverTls'>

/**
 * Finds the keys in use. `judgedMs` is the time of the judged clock: keys that have not expired by it
 * stay published. The bundle has no sequence yet.
 */
export function findKeysInUse(
  keys: readonly SigningKey[],
  trustDomain: TrustDomain,
  judgedMs: number,
  algorithms: JwtAlgorithms,
): KeysInUseWithoutTls {
  const signers = {
    spiffe_x509: signingCa(activeKey(keys, lineOf('spiffe_x509'))),
    control_issuing: signingCa(activeKey(keys, lineOf('control_issuing'))),
  }
  const root = activeKey(keys, lineOf('control_root'))
  const jwtSigners = signersOf(keys, algorithms)
  const jwt = jwtSigners.get(algorithms.usual)
  assert.ok(jwt, 'no active jwt key')
  const inBundle = purposesWhere(({ publishedIn }) => publishedIn === 'bundle').flatMap((purpose) =>
    published(keys, purpose, judgedMs),
  )
  const x509Keys = inBundle.filter(({ certificateDer }) => certificateDer !== undefined)
  const jwtKeys = inBundle.filter(({ certificateDer }) => certificateDer === undefined)
  return {
    bundle: Bundle.of({
      trustDomain: trustDomain.name,
      x509Authorities: x509Keys.map(certificateOf),
      jwtAuthorities: jwtKeys.map(({ keyId, publicKeyDer }) => ({ kid: keyId, publicKeyDer })),
      refreshHintSeconds: refreshHint(inBundle),
    }),
    signer: (purpose) => signers[purpose],
    jwt,
    jwtSigners,
    activeX509KeyId: signers.spiffe_x509.keyId,
    activeJwtKeyId: jwt.kid,
    activeJwtKeyIds: [...new Set(Array.from(jwtSigners.values(), ({ kid }) => kid))],
    controlRoots: byState(keys, 'control_root').map(certificateOf),
    controlIssuers: byState(keys, 'control_issuing').map(certificateOf),
    controlChain: [signers.control_issuing.certificateDer, certificateOf(root)],
    pin: `sha256:${spkiSha256(root.publicKeyDer)}`,
    taintedKeyIds: [],
  }
}

/** The same bundle with a sequence number. */
export function withSequence(bundle: Bundle, sequence: number): Bundle {
  const jwtAuthorities = Array.from(bundle.jwtAuthorities, ([kid, key]) => ({
    kid,
    publicKeyDer: exportSpki(key),
  }))
  const { trustDomain, x509Authorities, refreshHintSeconds } = bundle
  const hint = refreshHintSeconds === undefined ? {} : { refreshHintSeconds }
  return Bundle.of({ trustDomain, x509Authorities, jwtAuthorities, sequence: BigInt(sequence), ...hint })
}

/**
 * A client that polls at this interval sees each of these keys, and each successor, at least three
 * times before it signs.
 */
function refreshHint(keys: readonly SigningKey[]): number {
  const shortestMs = Math.min(...keys.map(publishedMs))
  return Math.max(1, Math.min(MAX_REFRESH_HINT_S, Math.floor(shortestMs / 4000)))
}

function activeKey(keys: readonly SigningKey[], line: KeyLine): SigningKey {
  const found = keys.find((key) => isOf(key, line) && key.state === 'active')
  assert.ok(found, `no active ${line.purpose} key`)
  return found
}

/**
 * Chooses the signer for each configured algorithm. While the first key of an algorithm is only
 * published, tokens are signed as before: with the key of an algorithm that was just removed from the
 * configuration, or else with the usual one.
 */
function signersOf(
  keys: readonly SigningKey[],
  { inUse }: JwtAlgorithms,
): ReadonlyMap<SigningAlgorithm, JwtSigner> {
  const active = new Map<SigningAlgorithm, JwtSigner>()
  for (const algorithm of SIGNING_ALGORITHMS) {
    const key = keys.find(
      ({ purpose, keyType, state }) =>
        purpose === 'jwt' && state === 'active' && keyType === SIGNING_KEYS[algorithm],
    )
    if (key) active.set(algorithm, jwtSigner(key))
  }
  const [usual] = inUse
  const leaving = [...active.keys()].find((algorithm) => !inUse.includes(algorithm))
  const before = [leaving, usual, ...active.keys()].flatMap(
    (algorithm) => (algorithm && active.get(algorithm)) || [],
  )
  return new Map(
    inUse.flatMap((algorithm) => {
      const own = active.get(algorithm)
      const signer = own ?? before[0]
      return signer ? [[algorithm, signer] as const] : []
    }),
  )
}

function jwtSigner(key: SigningKey): JwtSigner {
  const alg = algorithmOf(key.keyType)
  const signer = new JwsSigner({ alg, kid: key.keyId, typ: 'JWT', privateKey: privateKeyOf(key) })
  return Object.assign(signer, { notAfter: Math.floor(key.notAfterMs / 1000) })
}

/** The active key comes first, for readers that use only the first. */
function byState(keys: readonly SigningKey[], purpose: KeyPurpose): SigningKey[] {
  const mine = keys.filter((key) => key.purpose === purpose)
  return [...mine.filter((key) => key.state === 'active'), ...mine.filter((key) => key.state !== 'active')]
}

function published(keys: readonly SigningKey[], purpose: KeyPurpose, judgedMs: number): SigningKey[] {
  return byState(keys, purpose).filter((key) => key.state !== 'ended' || key.notAfterMs > judgedMs)
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
