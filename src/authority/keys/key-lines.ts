import { SIGNING_KEYS, type SigningAlgorithm } from '../../crypto/jws-algorithm.ts'
import type { KeyType } from '../../crypto/keys.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import { algorithmOf, type JwtAlgorithms } from './jwt-algorithms.ts'
import { PURPOSE_NAMES, PURPOSES } from './purposes.ts'

/**
 * Keys that succeed one another: of one purpose and one key type. The JWT purpose has a line per
 * algorithm.
 */
export interface KeyLine {
  readonly purpose: KeyPurpose
  readonly keyType: KeyType
}

/** The line of a purpose that has a single key type. */
export function lineOf(purpose: KeyPurpose): KeyLine {
  const { keyTypes } = PURPOSES[purpose]
  if (keyTypes === 'of_jwt_algorithms') throw new TypeError(`${purpose} keys have several types`)
  return { purpose, keyType: keyTypes }
}

export function jwtLineOf(algorithm: SigningAlgorithm): KeyLine {
  return { purpose: 'jwt', keyType: SIGNING_KEYS[algorithm] }
}

/** All lines that this configuration needs, each issuer before what it signs. */
export function linesOf({ inUse }: JwtAlgorithms): readonly KeyLine[] {
  return PURPOSE_NAMES.flatMap((purpose) =>
    PURPOSES[purpose].keyTypes === 'of_jwt_algorithms' ? inUse.map(jwtLineOf) : [lineOf(purpose)],
  )
}

/** The line whose active key signs the certificates of this one. */
export function parentOf({ purpose }: KeyLine): KeyLine | undefined {
  const { parent } = PURPOSES[purpose]
  return parent && lineOf(parent)
}

/** Whether a key belongs to a line. */
export function isOf(key: KeyLine, { purpose, keyType }: KeyLine): boolean {
  return key.purpose === purpose && key.keyType === keyType
}

/** What tells keys of one purpose apart in messages: the algorithm of a JWT key. */
export function labelsOf({ purpose, keyType }: KeyLine): { readonly algorithm?: string } {
  return PURPOSES[purpose].keyTypes === 'of_jwt_algorithms' ? { algorithm: algorithmOf(keyType) } : {}
}
