import type { KeyObject } from 'node:crypto'
import { seal, unseal } from '../../crypto/sealed.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import { WrongTrustDomainError } from './errors.ts'
import { readMeta, writeMeta } from './meta.ts'
import type { Datastore } from './ports.ts'

interface VaultOptions {
  /** The key that the datastore was opened with. */
  readonly key: KeyObject
  readonly trustDomain: TrustDomain
}

/** Seals with the key-encryption key, for the trust domain that the database was created for. */
export class Vault {
  readonly trustDomain: TrustDomain
  #key: KeyObject

  private constructor(key: KeyObject, trustDomain: TrustDomain) {
    this.#key = key
    this.trustDomain = trustDomain
  }

  /**
   * Stores the trust domain on the first start, and compares it on later ones. @throws
   * WrongTrustDomainError, and changes nothing
   */
  static async open(datastore: Datastore, { key, trustDomain }: VaultOptions): Promise<Vault> {
    const stored = await readMeta(datastore, 'trust_domain')
    if (stored !== undefined && stored !== trustDomain.name) {
      throw new WrongTrustDomainError(
        `this data directory belongs to the trust domain ${stored}, the configuration says ${trustDomain.name}: correct trust_domain, or use another data_dir`,
      )
    }
    if (stored === undefined) {
      await datastore.transaction((tx) => writeMeta(tx, 'trust_domain', trustDomain.name))
    }
    return new Vault(key, trustDomain)
  }

  /** The key in use. */
  get key(): KeyObject {
    return this.#key
  }

  /** Seals with this key from now on. The caller has already sealed all existing data under it. */
  use(key: KeyObject): void {
    this.#key = key
  }

  seal(plaintext: Buffer, context: string): Buffer {
    return seal(this.#key, plaintext, context)
  }

  unseal(sealed: Buffer, context: string): Buffer {
    return unseal(this.#key, sealed, context)
  }
}
