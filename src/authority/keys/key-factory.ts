import { createCaCertificate } from '../../crypto/ca-certificate.ts'
import { generateKeyPair, keyIdentifier } from '../../crypto/keys.ts'
import { randomSerial } from '../../crypto/signing-ca.ts'
import type { Random } from '../../foundation/random.ts'
import { createUlid } from '../../foundation/ulid.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import { BACKDATE_MS } from './backdate.ts'
import type { Step } from './schedule.ts'
import type { SigningKey } from './signing-key.ts'

/** Lives in seconds, from the configuration. */
export interface CaLifetimes {
  readonly control_root: number
  readonly control_issuing: number
  readonly spiffe_ca: number
  readonly jwt_key: number
}

const LIFETIME: Readonly<Record<KeyPurpose, keyof CaLifetimes>> = {
  control_root: 'control_root',
  control_issuing: 'control_issuing',
  spiffe_x509: 'spiffe_ca',
  jwt: 'jwt_key',
}

const NAME: Readonly<Record<Exclude<KeyPurpose, 'jwt'>, string>> = {
  control_root: 'Signet control root',
  control_issuing: 'Signet control issuing CA',
  spiffe_x509: 'Signet SPIFFE CA',
}

/** Path lengths no longer than the chain: root → issuing → leaf, and SPIFFE CA → leaf. */
const PATH_LENGTH = { control_root: 1, control_issuing: 0, spiffe_x509: 0 } as const

export interface KeyFactoryDeps {
  readonly trustDomain: TrustDomain
  readonly lifetimes: CaLifetimes
  readonly random: Random
}

/** Makes the key, and the certificate if its purpose has one, that a step of the schedule asks for. */
export async function createSigningKey(
  step: Extract<Step, { do: 'create' }>,
  parent: SigningKey | undefined,
  nowMs: number,
  deps: KeyFactoryDeps,
): Promise<SigningKey> {
  const { purpose, keyType } = step.line
  const pair = await generateKeyPair(keyType)
  const wantedEndMs = nowMs + deps.lifetimes[LIFETIME[purpose]] * 1000
  // Certificates count whole seconds, and none outlives the one above it.
  const notAfterMs = Math.floor(Math.min(wantedEndMs, parent?.notAfterMs ?? wantedEndMs) / 1000) * 1000
  const notBeforeMs = nowMs - BACKDATE_MS
  const key = {
    id: createUlid(nowMs, deps.random),
    purpose,
    keyType,
    state: step.state,
    parentId: parent?.id,
    keyId: keyIdentifier(pair.publicKeyDer).toString('hex'),
    publicKeyDer: pair.publicKeyDer,
    privateKey: pair.privateKey,
    notBeforeMs,
    notAfterMs,
    createdMs: nowMs,
    activateMs: step.state === 'prepared' ? step.activateMs : undefined,
  }
  if (purpose === 'jwt') return { ...key, certificateDer: undefined }
  const certificateDer = await createCaCertificate({
    // The key's name keeps the subjects of successors apart: some verifiers look issuers up by subject alone.
    subject: { commonName: NAME[purpose], organization: 'Signet', serialNumber: key.keyId.slice(0, 16) },
    publicKeyDer: pair.publicKeyDer,
    signer: parentSigner(parent) ?? { privateKey: pair.privateKey },
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    pathLength: PATH_LENGTH[purpose],
    serial: randomSerial(deps.random),
    ...(purpose === 'spiffe_x509' ? { uriSan: deps.trustDomain.id } : {}),
  })
  return { ...key, certificateDer }
}

function parentSigner(parent: SigningKey | undefined) {
  if (!parent?.certificateDer || !parent.privateKey) return undefined
  return { certificateDer: parent.certificateDer, privateKey: parent.privateKey }
}
