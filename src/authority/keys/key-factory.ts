import { createCaCertificate } from '../../crypto/ca-certificate.ts'
import { generateKeyPair, keyIdentifier } from '../../crypto/keys.ts'
import { randomSerial } from '../../crypto/signing-ca.ts'
import type { Random } from '../../foundation/random.ts'
import { createUlid } from '../../foundation/ulid.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import { BACKDATE_MS } from './backdate.ts'
import { PURPOSES } from './purposes.ts'
import type { Step } from './schedule.ts'
import type { NewSigningKey, SigningKey } from './signing-key.ts'

/** Lifetimes in seconds, from the configuration. */
export interface CaLifetimes {
  readonly control_root: number
  readonly control_issuing: number
  readonly spiffe_ca: number
  readonly jwt_key: number
}

interface KeyFactoryDeps {
  readonly trustDomain: TrustDomain
  readonly lifetimes: CaLifetimes
  readonly random: Random
}

/** Creates the key that a step of the schedule asks for, and its certificate if the purpose has one. */
export async function createSigningKey(
  step: Extract<Step, { do: 'create' }>,
  parent: SigningKey | undefined,
  nowMs: number,
  deps: KeyFactoryDeps,
): Promise<NewSigningKey> {
  const { purpose, keyType } = step.line
  const { lifetime, certificate } = PURPOSES[purpose]
  const pair = await generateKeyPair(keyType)
  const wantedEndMs = nowMs + deps.lifetimes[lifetime] * 1000
  // Certificate times are whole seconds, and no certificate outlives its issuer.
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
  if (certificate === undefined) return { ...key, certificateDer: undefined }
  const certificateDer = await createCaCertificate({
    // The key ID makes each subject unique, because some verifiers look up issuers by subject alone.
    subject: {
      commonName: certificate.commonName,
      organization: 'Signet',
      serialNumber: key.keyId.slice(0, 16),
    },
    publicKeyDer: pair.publicKeyDer,
    signer: parentSigner(parent) ?? { privateKey: pair.privateKey },
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    pathLength: certificate.pathLength,
    serial: randomSerial(deps.random),
    ...(certificate.namesTrustDomain ? { uriSan: deps.trustDomain.id } : {}),
  })
  return { ...key, certificateDer }
}

function parentSigner(parent: SigningKey | undefined) {
  if (!parent?.certificateDer || !parent.privateKey) return undefined
  return { certificateDer: parent.certificateDer, privateKey: parent.privateKey }
}
