import { oid, sequence, tlv } from './der.ts'
import { DerReader, InvalidDerError, Tag } from './der-reader.ts'

/** The attributes of an X.501 name that this program uses. */
export interface DistinguishedName {
  readonly commonName?: string
  readonly organization?: string
  readonly serialNumber?: string
}

type Attribute = keyof DistinguishedName

/** In encoding order. */
const ATTRIBUTE_OIDS: Readonly<Record<Attribute, string>> = {
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
}
const ATTRIBUTES = Object.keys(ATTRIBUTE_OIDS) as readonly Attribute[]
const BY_OID = new Map(ATTRIBUTES.map((attribute) => [ATTRIBUTE_OIDS[attribute], attribute]))
const ENCODED_OIDS = Object.fromEntries(ATTRIBUTES.map((each) => [each, oid(ATTRIBUTE_OIDS[each])]))
const SHORT: Readonly<Record<Attribute, string>> = {
  organization: 'O',
  commonName: 'CN',
  serialNumber: 'serialNumber',
}

/** The characters of a PrintableString (X.680 §41.4). */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]+$/

/**
 * Encodes a Name. The serial number is a PrintableString (X.520 §6.2.9), the others are UTF8String
 * (RFC 5280 §4.1.2.4). @throws TypeError for a value that cannot be encoded
 */
export function encodeName(name: DistinguishedName): Buffer {
  const rdns: Buffer[] = []
  for (const attribute of ATTRIBUTES) {
    const value = name[attribute]
    if (value === undefined) continue
    rdns.push(tlv(Tag.set, sequence(ENCODED_OIDS[attribute] as Buffer, encodeValue(attribute, value))))
  }
  return sequence(...rdns)
}

function encodeValue(attribute: Attribute, value: string): Buffer {
  if (value === '') throw new TypeError(`the ${attribute} of a name is empty`)
  if (!value.isWellFormed()) throw new TypeError(`the ${attribute} of a name is not Unicode`)
  if (attribute !== 'serialNumber') return tlv(Tag.utf8String, Buffer.from(value))
  if (!PRINTABLE.test(value))
    throw new TypeError('the serial number of a name does not fit a PrintableString')
  return tlv(Tag.printableString, Buffer.from(value, 'latin1'))
}

/**
 * Parses a Name. Of a repeated attribute the first value counts; unknown attributes are ignored.
 * @throws InvalidDerError
 */
export function parseName(der: Buffer): DistinguishedName {
  const found: { -readonly [A in Attribute]?: string } = {}
  const outer = new DerReader(der)
  const rdns = outer.enter(Tag.sequence)
  outer.end()
  while (rdns.hasMore) {
    const rdn = rdns.enter(Tag.set)
    if (!rdn.hasMore) throw new InvalidDerError('a relative name without attributes')
    while (rdn.hasMore) {
      const pair = rdn.enter(Tag.sequence)
      const attribute = BY_OID.get(pair.readOid())
      const { tag, content } = pair.readAny()
      pair.end()
      if (attribute !== undefined) found[attribute] ??= decodeText(tag, content)
    }
  }
  return found
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeText(tag: number, content: Buffer): string {
  switch (tag) {
    case Tag.utf8String:
      return decodeUtf8(content)
    case Tag.printableString:
    case Tag.ia5String:
      if (content.some((octet) => octet >= 0x80)) throw new InvalidDerError('a name that is not ASCII')
      return content.toString('latin1')
    case Tag.teletexString: // only in old certificates; read as Latin-1, as most parsers do
      return content.toString('latin1')
    case Tag.bmpString:
      if (content.length % 2 !== 0) throw new InvalidDerError('a name that is not UTF-16')
      return Buffer.from(content).swap16().toString('utf16le')
    default:
      throw new InvalidDerError(`a name of the type 0x${tag.toString(16)}`)
  }
}

function decodeUtf8(content: Buffer): string {
  try {
    return utf8.decode(content)
  } catch (cause) {
    throw new InvalidDerError('a name that is not UTF-8', { cause })
  }
}

/** Formats a name for people: `O=builder, CN=01J…`. */
export function formatName(name: DistinguishedName): string {
  const parts = ATTRIBUTES.flatMap((attribute) => {
    const value = name[attribute]
    return value === undefined ? [] : [`${SHORT[attribute]}=${JSON.stringify(value).slice(1, -1)}`]
  })
  return parts.length > 0 ? parts.join(', ') : '(empty)'
}
