import { generateKeyPairSync, sign } from 'node:crypto'
import type { Random } from '../foundation/random.ts'
import { bitString, extension, octetString, oid, sequence, time, tlv, unsigned } from './der.ts'
import { contextConstructed, Tag } from './der-reader.ts'
import { encodeName } from './distinguished-name.ts'
import { exportSpki, keyIdentifier } from './keys.ts'
import { ExtensionOid, SignatureOid } from './oids.ts'
import { randomSerial } from './signing-ca.ts'

const NAME = encodeName({ commonName: 'Nobody', organization: 'Signet' })
const VALIDITY = sequence(time(Date.UTC(2020, 0) / 1000), time(Date.UTC(2049, 11, 31) / 1000))
const VERSION_3 = tlv(contextConstructed(0), unsigned(Buffer.of(2)))
const IS_CA = extension(
  oid(ExtensionOid.basicConstraints),
  true,
  sequence(tlv(Tag.boolean, Buffer.of(0xff)), unsigned(Buffer.of(0))),
)
/** keyCertSign is bit 5; two bits are unused. */
const KEY_CERT_SIGN = extension(oid(ExtensionOid.keyUsage), true, Buffer.of(0x03, 0x02, 0x02, 0x04))

/**
 * Creates the certificate (DER) of a CA whose private key is discarded. A client that trusts only
 * this CA trusts no server.
 */
export function createOrphanCa(random: Random): Buffer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKeyDer = exportSpki(publicKey)
  const keyId = extension(
    oid(ExtensionOid.subjectKeyIdentifier),
    false,
    octetString(keyIdentifier(publicKeyDer)),
  )
  const algorithm = sequence(oid(SignatureOid.ecdsaSha256))
  const toBeSigned = sequence(
    VERSION_3,
    unsigned(randomSerial(random)),
    algorithm,
    NAME,
    VALIDITY,
    NAME,
    publicKeyDer,
    tlv(contextConstructed(3), sequence(IS_CA, KEY_CERT_SIGN, keyId)),
  )
  return sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)))
}
