import type { KeyObject } from 'node:crypto'
import { seal, unseal } from '../../crypto/sealed.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { Datastore } from '../datastore/datastore.ts'
import { readMeta, writeMeta } from '../datastore/meta.ts'
import { WrongSealingKeyError, WrongTrustDomainError } from './errors.ts'

const CHECK_CONTEXT = 'signet check'
const CHECK_TEXT = 'the key-encryption key of this database'

export interface VaultOptions {
  readonly key: KeyObject
  /** Where the key came from, for people: `/etc/signet/kek` or `$SIGNET_KEK`. */
  readonly keySource: string
  readonly trustDomain: TrustDomain
}

/** The key-encryption key, known to be the one that this database was made with, for the trust domain it was made for. */
export class Vault {
  readonly trustDomain: TrustDomain
  readonly #key: KeyObject

  private constructor(key: KeyObject, trustDomain: TrustDomain) {
    this.#key = key
    this.trustDomain = trustDomain
  }

  /** On the first start notes key and trust domain; later compares them. A mismatch changes nothing. */
  static async open(datastore: Datastore, options: VaultOptions): Promise<Vault> {
    const { key, keySource, trustDomain } = options
    const stored = await readMeta(datastore, 'trust_domain')
    if (stored !== undefined && stored !== trustDomain.name) {
      throw new WrongTrustDomainError(
        `this data directory belongs to the trust domain ${stored}, the configuration says ${trustDomain.name}: correct trust_domain, or use another data_dir`,
      )
    }
    const check = await readMeta(datastore, 'kek_check')
    if (check !== undefined) verifyKey(key, keySource, check)
    else {
      const sealed = seal(key, Buffer.from(CHECK_TEXT), CHECK_CONTEXT).toString('base64')
      await datastore.write((writer) => {
        writeMeta(writer, 'trust_domain', trustDomain.name)
        writeMeta(writer, 'kek_check', sealed)
      })
    }
    return new Vault(key, trustDomain)
  }

  seal(plaintext: Buffer, context: string): Buffer {
    return seal(this.#key, plaintext, context)
  }

  unseal(sealed: Buffer, context: string): Buffer {
    return unseal(this.#key, sealed, context)
  }
}

function verifyKey(key: KeyObject, keySource: string, check: string): void {
  try {
    unseal(key, Buffer.from(check, 'base64'), CHECK_CONTEXT)
  } catch (error) {
    throw new WrongSealingKeyError(
      `the key-encryption key from ${keySource} is not the one that this data directory was made with: give the authority the original key; nothing was changed`,
      { cause: error },
    )
  }
}
