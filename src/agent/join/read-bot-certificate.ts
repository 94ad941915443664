import type { KeyPair } from '../../crypto/keys.ts'
import { parseCertificate, verifyChain } from '../../crypto/x509.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { BotCertificate__Output } from '../../rpc/gen/signet/v1/BotCertificate.ts'
import { fromTimestamp } from '../../rpc/timestamp.ts'
import type { BotIdentity } from '../state/bot-identity.ts'
import { BotCertificateInvalidError } from './errors.ts'

interface ExpectedCertificate {
  readonly key: KeyPair
  readonly trustDomain: string
  readonly generation: number
  /** For a renewal: the current instance, which must not change. */
  readonly botInstanceId?: string
  readonly nowMs: number
}

/** The result of a join or a renewal. */
export interface GivenIdentity {
  readonly identity: BotIdentity
  readonly roots: readonly Buffer[]
  /** How far this host's clock is ahead of the authority's, in milliseconds. */
  readonly clockSkewMs: number
}

/**
 * Checks the authority's response before it replaces the saved identity. @throws
 * BotCertificateInvalidError
 */
export function readBotCertificate(
  message: BotCertificate__Output | null,
  expected: ExpectedCertificate,
): GivenIdentity {
  if (message === null) throw new BotCertificateInvalidError('the authority sent no bot certificate')
  const { chain, roots, bot, botInstanceId } = message
  const authorityMs = fromTimestamp(message.authorityTime) ?? expected.nowMs
  const { notAfterMs, generation } = check(message, expected, authorityMs)
  return {
    identity: {
      bot,
      botInstanceId,
      generation,
      chain,
      key: expected.key,
      receivedMs: expected.nowMs,
      lifeMs: notAfterMs - authorityMs,
    },
    roots,
    clockSkewMs: expected.nowMs - authorityMs,
  }
}

function check(message: BotCertificate__Output, expected: ExpectedCertificate, authorityMs: number) {
  const wrong = (detail: string, cause?: unknown): BotCertificateInvalidError =>
    new BotCertificateInvalidError('the authority sent a bot certificate that is not usable', {
      detail,
      cause,
    })
  try {
    const chain = message.chain.map((der) => parseCertificate(der))
    const roots = message.roots.map((der) => parseCertificate(der))
    const [leaf] = chain
    if (leaf === undefined || roots.length === 0) throw wrong('it is empty')
    verifyChain(chain, roots, authorityMs / 1000)
    const { commonName, organization, serialNumber } = leaf.subject
    if (!leaf.publicKeyDer.equals(expected.key.publicKeyDer)) throw wrong('it is for another key')
    if (message.trustDomain !== expected.trustDomain) throw wrong('it is of another trust domain')
    if (commonName !== message.botInstanceId || organization !== message.bot)
      throw wrong('it names another bot')
    if (expected.botInstanceId !== undefined && commonName !== expected.botInstanceId) {
      throw wrong('it is for another bot instance')
    }
    if (serialNumber !== String(expected.generation)) throw wrong('it is of another generation')
    const notAfterMs = leaf.notAfter * 1000
    if (notAfterMs <= authorityMs) throw wrong('it has expired')
    return { notAfterMs, generation: expected.generation }
  } catch (error) {
    if (error instanceof BotCertificateInvalidError || !(error instanceof CodedError)) throw error
    throw wrong(error.publicMessage, error)
  }
}
