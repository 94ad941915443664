import { constants, type KeyObject, type SigningOptions } from 'node:crypto'
import type { KeyType } from './keys.ts'

/** Signature algorithms of RFC 7518 §3.1, without `none` and the symmetric ones. */
export type JwsAlgorithm =
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'

/** The algorithms that sign JWT-SVIDs here, and the key type of each. */
export const SIGNING_KEYS = {
  ES256: 'ec-p256',
  ES384: 'ec-p384',
  RS256: 'rsa-2048',
} as const satisfies { readonly [alg in JwsAlgorithm]?: KeyType }
export const SIGNING_ALGORITHMS = ['ES256', 'ES384', 'RS256'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

export interface JwsScheme {
  readonly digest: string
  readonly options: SigningOptions
  fits(key: KeyObject): boolean
}

const MIN_RSA_BITS = 2048 // RFC 7518 §3.3

const isRsa = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS

const ecdsa = (digest: string, curve: string): JwsScheme => ({
  digest,
  options: { dsaEncoding: 'ieee-p1363' }, // RFC 7518 §3.4: R and S in full length, not DER
  fits: (key) => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === curve,
})

const pkcs1 = (digest: string): JwsScheme => ({
  digest,
  options: { padding: constants.RSA_PKCS1_PADDING },
  fits: isRsa,
})

const pss = (digest: string): JwsScheme => ({
  digest,
  // RFC 7518 §3.5: the salt is as long as the digest.
  options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  fits: isRsa,
})

export const JWS_SCHEMES: Readonly<Record<JwsAlgorithm, JwsScheme>> = {
  ES256: ecdsa('sha256', 'prime256v1'),
  ES384: ecdsa('sha384', 'secp384r1'),
  ES512: ecdsa('sha512', 'secp521r1'),
  RS256: pkcs1('sha256'),
  RS384: pkcs1('sha384'),
  RS512: pkcs1('sha512'),
  PS256: pss('sha256'),
  PS384: pss('sha384'),
  PS512: pss('sha512'),
}
