import { SIGNING_KEYS, type SigningAlgorithm } from '../../crypto/jws-algorithm.ts'
import type { KeyType } from '../../crypto/keys.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import { algorithmOf, type JwtAlgorithms } from './jwt-algorithms.ts'

/** Keys that succeed one another: one purpose and, since JWT-SVIDs are signed with several algorithms, one type. */
export interface KeyLine {
  readonly purpose: KeyPurpose
  readonly keyType: KeyType
}

export const CONTROL_ROOT: KeyLine = { purpose: 'control_root', keyType: 'ec-p256' }
export const CONTROL_ISSUING: KeyLine = { purpose: 'control_issuing', keyType: 'ec-p256' }
export const SPIFFE_X509: KeyLine = { purpose: 'spiffe_x509', keyType: 'ec-p256' }

export function lineOf(algorithm: SigningAlgorithm): KeyLine {
  return { purpose: 'jwt', keyType: SIGNING_KEYS[algorithm] }
}

/** All lines that are wanted. A root stands before what it signs. */
export function linesOf({ inUse }: JwtAlgorithms): readonly KeyLine[] {
  return [CONTROL_ROOT, CONTROL_ISSUING, SPIFFE_X509, ...inUse.map(lineOf)]
}

/** The same for a key of the line, which says so itself. */
export function isOf(key: KeyLine, { purpose, keyType }: KeyLine): boolean {
  return key.purpose === purpose && key.keyType === keyType
}

/** What tells keys of one purpose apart, for people: nothing but the algorithm of a JWT key. */
export function labelsOf({ purpose, keyType }: KeyLine): { readonly algorithm?: string } {
  return purpose === 'jwt' ? { algorithm: algorithmOf(keyType) } : {}
}
