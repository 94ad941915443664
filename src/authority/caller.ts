import { spkiSha256 } from '../crypto/keys.ts'
import type { Certificate } from '../crypto/x509.ts'
import { addressKey } from '../rpc/address-key.ts'
import type { Actor } from './audit/events.ts'
import { ForeignCertificateError } from './errors.ts'

/** A caller without a bot certificate, who may only join. */
export interface AnonymousCaller {
  readonly kind: 'anonymous'
  /** The remote address. It is used for limits and the audit log, never to decide about identity. */
  readonly address: string
}

/** An agent, identified by the bot certificate of its TLS connection. */
export interface BotCaller {
  readonly kind: 'bot'
  readonly bot: string
  readonly instanceId: string
  readonly generation: number
  /** The SHA-256 of the certificate's SubjectPublicKeyInfo, in hex. */
  readonly keySha256: string
  /** Seconds since 1970. */
  readonly notAfter: number
  /** Whether the certificate had already expired when the connection was made. */
  readonly expired: boolean
  readonly address: string
}

/** A process on this host, identified by the kernel. */
interface AdminCaller {
  readonly kind: 'admin'
  readonly uid: number
  readonly loginUid?: number
  readonly pid: number
}

export type Caller = AnonymousCaller | BotCaller | AdminCaller

const INSTANCE_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/
const GENERATION = /^[1-9][0-9]{0,14}$/

/**
 * Reads the bot from a certificate whose chain TLS has verified up to the control root. @throws
 * ForeignCertificateError
 */
export function botCallerOf(certificate: Certificate, nowSeconds: number, address: string): BotCaller {
  const { commonName, organization, serialNumber } = certificate.subject
  const usages = certificate.extKeyUsages
  // The authority's own certificate comes from the same CA, so only a certificate with clientAuth and
  // nothing else makes a bot (decision 0007).
  if (certificate.isCa || usages.length !== 1 || usages[0] !== 'clientAuth') {
    throw new ForeignCertificateError('not a bot certificate')
  }
  if (!organization || !commonName || !INSTANCE_ID.test(commonName) || !GENERATION.test(serialNumber ?? '')) {
    throw new ForeignCertificateError('not a bot certificate')
  }
  return {
    kind: 'bot',
    bot: organization,
    instanceId: commonName,
    generation: Number(serialNumber),
    keySha256: spkiSha256(certificate.publicKeyDer),
    notAfter: certificate.notAfter,
    expired: certificate.notAfter <= nowSeconds,
    address,
  }
}

/** The caller's name in the audit log. */
export function actorOf(caller: Caller): Actor {
  switch (caller.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'bot':
      return `bot:${caller.bot}/${caller.instanceId}`
    case 'admin':
      return caller.loginUid === undefined
        ? `uid:${caller.uid}`
        : `uid:${caller.uid} (login ${caller.loginUid})`
  }
}

/** The key under which a caller's calls and connections are counted. */
export function originOf(caller: Caller): string {
  switch (caller.kind) {
    case 'anonymous':
      return `address ${addressKey(caller.address)}`
    case 'bot':
      return `instance ${caller.instanceId}`
    case 'admin':
      return `uid ${caller.uid}`
  }
}
