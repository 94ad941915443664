import type { KeyType } from '../../crypto/keys.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import type { CaLifetimes } from './key-factory.ts'

/** The properties that all keys of a purpose share. A new purpose is one entry here. */
interface Purpose {
  /** The only key type, or the types of the configured JWT algorithms, each of which has a line of keys. */
  readonly keyTypes: KeyType | 'of_jwt_algorithms'
  /** The configuration setting with the lifetime of a key. */
  readonly lifetime: keyof CaLifetimes
  /** Absent for bare keys. */
  readonly certificate?: {
    readonly commonName: string
    /** RFC 5280 §4.2.1.9: how many CAs may follow below it. No more than the chain has. */
    readonly pathLength: number
    /** The certificate carries the SPIFFE ID of the trust domain (X509-SVID §3.2). */
    readonly namesTrustDomain: boolean
  }
  /** The purpose whose active key signs the certificate. Absent: self-signed. */
  readonly parent?: KeyPurpose
  /**
   * Where the public key is published: in the SPIFFE bundle, or only to agents over their
   * authenticated connection.
   */
  readonly publishedIn: 'bundle' | 'agents'
  /** Whether `signet ca rotate` accepts it. A root that agents pin is not rotated on demand. */
  readonly isRotatedOnDemand: boolean
  /**
   * Whether bot certificates below it may be renewed for a grace time after expiry. It is then kept
   * for that time, too.
   */
  readonly isKeptForRenewals: boolean
}

/**
 * In the order in which keys are created and listed: an issuer comes before what it signs. No key is
 * created on demand, because others must see it published before it signs.
 */
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
