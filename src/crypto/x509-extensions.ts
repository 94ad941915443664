import { context, DerReader, InvalidDerError, Tag } from './der-reader.ts'
import { ExtensionOid, ExtKeyUsageOid } from './oids.ts'

/** The bits of KeyUsage, in order (RFC 5280 §4.2.1.3). */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

type KeyUsage = (typeof KEY_USAGES)[number]

/** The extensions of a certificate that this program uses. */
export interface Extensions {
  readonly hasBasicConstraints: boolean
  readonly isCa: boolean
  readonly pathLength?: number
  /** Empty when the certificate has no such extension; when present, at least one bit is set. */
  readonly keyUsages: ReadonlySet<KeyUsage>
  readonly isKeyUsageCritical: boolean
  /** Purposes by name where known, else by OID. */
  readonly extKeyUsages: readonly string[]
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** Hex. */
  readonly subjectKeyId?: string
  readonly authorityKeyId?: string
  /** OIDs of critical extensions that are not understood. Name constraints are always listed. */
  readonly unknownCriticalExtensions: readonly string[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const READERS: Readonly<
  Record<string, (found: Mutable<Extensions>, value: DerReader, critical: boolean) => void>
> = {
  [ExtensionOid.basicConstraints]: readBasicConstraints,
  [ExtensionOid.keyUsage]: readKeyUsage,
  [ExtensionOid.extKeyUsage]: readExtKeyUsage,
  [ExtensionOid.subjectAltName]: readSubjectAltName,
  [ExtensionOid.subjectKeyIdentifier]: (found, value) => {
    found.subjectKeyId = nonEmpty(value.read(Tag.octetString).content).toString('hex')
  },
  [ExtensionOid.authorityKeyIdentifier]: readAuthorityKeyId,
}

/** Parses the extensions of a certificate. @throws InvalidDerError */
export function parseExtensions(list: DerReader | undefined): Extensions {
  const unknown: string[] = []
  const found: Mutable<Extensions> = {
    hasBasicConstraints: false,
    isCa: false,
    keyUsages: new Set(),
    isKeyUsageCritical: false,
    extKeyUsages: [],
    uriSans: [],
    dnsSans: [],
    unknownCriticalExtensions: unknown,
  }
  const seen = new Set<string>()
  while (list?.hasMore) {
    const extension = list.enter(Tag.sequence)
    const id = extension.readOid()
    const critical = extension.readDefaultFalse()
    const value = new DerReader(extension.read(Tag.octetString).content)
    extension.end()
    if (seen.has(id)) throw new InvalidDerError(`the extension ${id} twice`) // RFC 5280 §4.2
    seen.add(id)
    const read = Object.hasOwn(READERS, id) ? READERS[id] : undefined
    if (read !== undefined) {
      read(found, value, critical)
      value.end()
    } else if (critical || id === ExtensionOid.nameConstraints) {
      // Name constraints are binding even if the issuer did not mark them critical. They are not
      // implemented, so they must not be ignored.
      unknown.push(id)
    }
  }
  return found
}

function readBasicConstraints(found: Mutable<Extensions>, value: DerReader): void {
  const fields = value.enter(Tag.sequence)
  found.hasBasicConstraints = true
  found.isCa = fields.readDefaultFalse()
  if (!fields.hasMore) return
  if (!found.isCa) throw new InvalidDerError('a path length without a CA') // RFC 5280 §4.2.1.9
  found.pathLength = fields.readSmallUnsigned()
  fields.end()
}

function readKeyUsage(found: Mutable<Extensions>, value: DerReader, critical: boolean): void {
  const { content } = value.read(Tag.bitString)
  const unused = content[0] ?? 8
  const bits = content.subarray(1)
  const last = bits.at(-1)
  // X.690 §11.2.2: a named bit list has no trailing zero bits. RFC 5280 §4.2.1.3: at least one bit is set.
  if (bits.length > 2 || last === undefined || unused > 7 || (last & ((2 << unused) - 1)) !== 1 << unused) {
    throw new InvalidDerError('a broken key usage')
  }
  found.isKeyUsageCritical = critical
  found.keyUsages = new Set(
    KEY_USAGES.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0),
  )
}

const EXT_KEY_USAGE_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(ExtKeyUsageOid).map(([name, id]) => [id, name]),
)

function readExtKeyUsage(found: Mutable<Extensions>, value: DerReader): void {
  const purposes = value.enter(Tag.sequence)
  const usages: string[] = []
  while (purposes.hasMore) {
    const id = purposes.readOid()
    usages.push(EXT_KEY_USAGE_NAMES.get(id) ?? id)
  }
  if (usages.length === 0) throw new InvalidDerError('an empty extended key usage')
  found.extKeyUsages = usages
}

const DNS_NAME = context(2)
const URI_NAME = context(6)

function readSubjectAltName(found: Mutable<Extensions>, value: DerReader): void {
  const names = value.enter(Tag.sequence)
  if (!names.hasMore) throw new InvalidDerError('an empty subject alternative name')
  const uris: string[] = []
  const dns: string[] = []
  while (names.hasMore) {
    const { tag, content } = names.readAny()
    if (tag === URI_NAME) uris.push(ia5(content))
    else if (tag === DNS_NAME) dns.push(ia5(content))
  }
  found.uriSans = uris
  found.dnsSans = dns
}

function readAuthorityKeyId(found: Mutable<Extensions>, value: DerReader): void {
  const fields = value.enter(Tag.sequence)
  if (fields.nextTag === context(0)) found.authorityKeyId = nonEmpty(fields.readAny().content).toString('hex')
  // The issuer's name and serial number (RFC 5280 §4.2.1.1) are hints that are not used here.
  while (fields.hasMore) fields.readAny()
}

/** Not normalized, because later comparisons must see the bytes that were signed. */
function ia5(content: Buffer): string {
  if (content.some((octet) => octet >= 0x80))
    throw new InvalidDerError('an alternative name that is not ASCII')
  return content.toString('latin1')
}

function nonEmpty(content: Buffer): Buffer {
  if (content.length === 0) throw new InvalidDerError('an empty key identifier')
  return content
}
