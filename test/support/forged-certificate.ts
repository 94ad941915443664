import { sign } from 'node:crypto'
import { ascii, bitString, octetString, oid, sequence, time, tlv, unsigned } from '../../src/crypto/der.ts'
import { Tag } from '../../src/crypto/der-reader.ts'
import { encodeName } from '../../src/crypto/distinguished-name.ts'
import type { KeyPair } from '../../src/crypto/keys.ts'
import { ExtensionOid, SignatureOid } from '../../src/crypto/oids.ts'
import { DAY, NOW } from './crypto-fixtures.ts'

interface Forgery {
  readonly signer: KeyPair
  readonly issuerDer?: Buffer
  readonly key?: KeyPair
  readonly extensions?: readonly Buffer[]
  readonly notBefore?: number
  readonly notAfter?: number
  readonly serial?: Buffer
  /** Changes the fields of the TBSCertificate before it is signed. */
  readonly change?: (fields: Buffer[]) => Buffer[]
}

const NAME = encodeName({ commonName: 'Forged' })
const ECDSA = sequence(oid(SignatureOid.ecdsaSha256))
const CRITICAL = tlv(Tag.boolean, Buffer.of(0xff))

export const anyExtension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [CRITICAL] : []), octetString(value))

export const caExtension = (pathLength?: number): Buffer =>
  anyExtension(
    ExtensionOid.basicConstraints,
    true,
    sequence(CRITICAL, ...(pathLength === undefined ? [] : [unsigned(Buffer.of(pathLength))])),
  )

/** Bit numbers of RFC 5280 §4.2.1.3. */
export function keyUsageExtension(bits: readonly number[], critical = true): Buffer {
  const octet = bits.reduce((all, bit) => all | (0x80 >> bit), 0)
  const unused = 7 - Math.max(...bits)
  return anyExtension(ExtensionOid.keyUsage, critical, tlv(Tag.bitString, Buffer.of(unused, octet)))
}

export const uriExtension = (...uris: readonly string[]): Buffer =>
  anyExtension(ExtensionOid.subjectAltName, true, sequence(...uris.map((uri) => ascii(0x86, uri))))

/** Makes a correctly signed certificate with arbitrary contents, which our own code would never issue. */
export function forgeCertificate(forgery: Forgery): Buffer {
  const { signer, key = signer, extensions = [] } = forgery
  const fields = [
    tlv(0xa0, unsigned(Buffer.of(2))),
    unsigned(forgery.serial ?? Buffer.of(7)),
    ECDSA,
    forgery.issuerDer ?? NAME,
    sequence(time(forgery.notBefore ?? NOW - DAY), time(forgery.notAfter ?? NOW + DAY)),
    NAME,
    key.publicKeyDer,
    ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
  ]
  const tbs = sequence(...(forgery.change?.(fields) ?? fields))
  return sequence(tbs, ECDSA, bitString(sign('sha256', tbs, signer.privateKey)))
}
