import { randomSerial } from '../../crypto/signing-ca.ts'
import type { Random } from '../../foundation/random.ts'
import { SignerExpiredError } from '../keys/errors.ts'
import type { KeysInUse } from '../keys/keys-in-use.ts'

/** A bot certificate and what its holder needs beside it. */
export interface BotCertificateOutput {
  /** DER: the leaf, then the control issuing CA. */
  readonly chain: readonly Buffer[]
  /** DER of every control root that the agent accepts from now on. */
  readonly roots: readonly Buffer[]
  readonly trustDomain: string
  readonly bot: string
  readonly botInstanceId: string
  readonly generation: number
  /** Hex. */
  readonly serial: string
  readonly notAfterMs: number
  readonly authorityTimeMs: number
}

interface BotCertificateInput {
  readonly publicKeyDer: Buffer
  readonly trustDomain: string
  readonly bot: string
  readonly botInstanceId: string
  readonly generation: number
  readonly ttlSeconds: number
  readonly nowMs: number
}

/**
 * Issues a bot certificate with clientAuth only and no SAN: it gives access to the authority's API
 * and nothing else (decision 0007). It never outlives the issuing CA. @throws SignerExpiredError
 */
export function issueBotCertificate(
  input: BotCertificateInput,
  keys: KeysInUse,
  random: Random,
): BotCertificateOutput {
  const { controlRoots } = keys
  const controlIssuing = keys.signer('control_issuing')
  const { publicKeyDer, trustDomain, bot, botInstanceId, generation, ttlSeconds, nowMs } = input
  if (controlIssuing.notAfter * 1000 <= nowMs) {
    throw new SignerExpiredError('the control issuing CA has expired: try again later')
  }
  const notAfter = Math.min(Math.floor(nowMs / 1000 + ttlSeconds), controlIssuing.notAfter)
  const serial = randomSerial(random)
  const leaf = controlIssuing.signLeaf({
    serial,
    publicKeyDer,
    // Only the authority verifies this certificate. With the CA's notBefore, one that was issued
    // while the authority's clock was ahead stays valid after the clock is corrected.
    notBefore: controlIssuing.notBefore,
    notAfter,
    subject: { commonName: botInstanceId, organization: bot, serialNumber: String(generation) },
    extKeyUsages: ['clientAuth'],
  })
  return {
    chain: [leaf, controlIssuing.certificateDer],
    roots: controlRoots,
    trustDomain,
    bot,
    botInstanceId,
    generation,
    serial: serial.toString('hex'),
    notAfterMs: notAfter * 1000,
    authorityTimeMs: nowMs,
  }
}
