import { spkiSha256 } from '../crypto/keys.ts'
import type { Certificate } from '../crypto/x509.ts'
import { addressKey } from '../rpc/address-key.ts'
import type { Actor } from './audit/events.ts'
import { ForeignCertificateError } from './errors.ts'

/** Somebody without a bot certificate: may only join. */
export interface AnonymousCaller {
  readonly kind: 'anonymous'
  /** Where the connection came from; for limits and the audit log, never for a decision about identity. */
  readonly address: string
}

/** An agent, by the bot certificate of its TLS connection. */
export interface BotCaller {
  readonly kind: 'bot'
  readonly bot: string
  readonly instanceId: string
  readonly generation: number
  /** Of the certificate's SubjectPublicKeyInfo. */
  readonly keySha256: string
  /** Seconds since 1970. */
  readonly notAfter: number
  /** The certificate had expired already when the connection was made. */
  readonly expired: boolean
  readonly address: string
}

/** A process on this host, by the kernel's word. */
export interface AdminCaller {
  readonly kind: 'admin'
  readonly uid: number
  readonly loginUid?: number
  readonly pid: number
}

export type Caller = AnonymousCaller | BotCaller | AdminCaller

const INSTANCE_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/
const GENERATION = /^[1-9][0-9]{0,14}$/

/** Reads the bot out of a certificate whose chain the TLS layer has verified against the control root. */
export function botCallerOf(certificate: Certificate, nowSeconds: number, address: string): BotCaller {
  const { commonName, organization, serialNumber } = certificate.subject
  const usages = certificate.extKeyUsages
  // The authority's own certificate comes from the same CA: only clientAuth, and nothing else, makes a bot (decision 0007).
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

/** How a caller is named in the audit log. */
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

/** Whose calls and connections count together. */
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
