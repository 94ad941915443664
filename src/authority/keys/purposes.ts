import type { KeyType } from '../../crypto/keys.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import type { CaLifetimes } from './key-factory.ts'

/** What is the same for all keys of one purpose. A new purpose is one entry here. */
export interface Purpose {
  /** The one type of its keys, or those that the configured JWT algorithms ask for: then each has a line of its own. */
  readonly keyTypes: KeyType | 'of_jwt_algorithms'
  /** Where the configuration says how long a key lives. */
  readonly lifetime: keyof CaLifetimes
  /** Absent: bare keys. */
  readonly certificate?: {
    readonly commonName: string
    /** RFC 5280 §4.2.1.9: as many CAs may stand below. No longer than the chain. */
    readonly pathLength: number
    /** It carries the SPIFFE ID of the trust domain (X509-SVID §3.2). */
    readonly namesTrustDomain: boolean
  }
  /** Whose active key signs its certificate. Absent: it signs itself. */
  readonly parent?: KeyPurpose
  /** Where its public part is shown: in the SPIFFE bundle, or only to agents over their authenticated connection. */
  readonly publishedIn: 'bundle' | 'agents'
  /** `signet ca rotate` takes it. A root that agents pin is not rotated on demand. */
  readonly isRotatedOnDemand: boolean
  /** Bot certificates below it may be renewed for a time after their end: it is kept as much longer. */
  readonly isKeptForRenewals: boolean
}

/** In the order in which they are made and shown: what signs stands before what it signs. */
export const PURPOSES: Readonly<Record<KeyPurpose, Purpose>> = {
  control_root: {
    keyTypes: 'ec-p256',
    lifetime: 'control_root',
    certificate: { commonName: 'Signet control root', pathLength: 1, namesTrustDomain: false },
    publishedIn: 'agents',
    isRotatedOnDemand: false,
    isKeptForRenewals: true,
  },
  control_issuing: {
    keyTypes: 'ec-p256',
    lifetime: 'control_issuing',
    certificate: { commonName: 'Signet control issuing CA', pathLength: 0, namesTrustDomain: false },
    parent: 'control_root',
    publishedIn: 'agents',
    isRotatedOnDemand: true,
    isKeptForRenewals: true,
  },
  spiffe_x509: {
    keyTypes: 'ec-p256',
    lifetime: 'spiffe_ca',
    certificate: { commonName: 'Signet SPIFFE CA', pathLength: 0, namesTrustDomain: true },
    publishedIn: 'bundle',
    isRotatedOnDemand: true,
    isKeptForRenewals: false,
  },
  jwt: {
    keyTypes: 'of_jwt_algorithms',
    lifetime: 'jwt_key',
    publishedIn: 'bundle',
    isRotatedOnDemand: true,
    isKeptForRenewals: false,
  },
}

export const PURPOSE_NAMES = Object.keys(PURPOSES) as readonly KeyPurpose[]

export function purposesWhere(holds: (purpose: Purpose) => boolean): readonly KeyPurpose[] {
  return PURPOSE_NAMES.filter((name) => holds(PURPOSES[name]))
}
