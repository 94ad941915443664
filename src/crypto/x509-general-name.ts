import { isIPv6 } from 'node:net'
import {
  anOid,
  checkShape,
  choice,
  listOf,
  type Shape,
  sequenceOf,
  tagged,
  taggedList,
  text,
} from './der-grammar.ts'
import { context, contextConstructed, InvalidDerError, Tag } from './der-reader.ts'

/**
 * Names in certificates, in the forms that every parser accepts. This is narrower than RFC 5280,
 * which parsers interpret differently.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const utf8String: Shape = (reader) => {
  const { content } = reader.read(Tag.utf8String)
  try {
    if (utf8.decode(content) !== '') return
  } catch {
    // reported below
  }
  throw new InvalidDerError('a text that is empty or not UTF-8')
}

/** UCS-2, without surrogates and noncharacters. */
const bmpString: Shape = (reader) => {
  const { content } = reader.read(Tag.bmpString)
  if (content.length === 0 || content.length % 2 !== 0) throw new InvalidDerError('a broken BMPString')
  for (let at = 0; at < content.length; at += 2) {
    const unit = content.readUInt16BE(at)
    if ((unit >= 0xd800 && unit <= 0xdfff) || (unit >= 0xfdd0 && unit <= 0xfdef) || unit >= 0xfffe)
      throw new InvalidDerError('a BMPString with what is no character')
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what ASCII has
const ASCII = /^[\x00-\x7f]+$/
const VISIBLE = /^[\x20-\x7e]+$/

/** Attribute values of names. UniversalString is left out, because Go does not read it. */
const nameText = choice(
  {
    [Tag.utf8String]: utf8String,
    [Tag.printableString]: text(Tag.printableString, /^[A-Za-z0-9 '()+,\-./:=?]+$/, 'a PrintableString'),
    [Tag.ia5String]: text(Tag.ia5String, ASCII, 'an IA5String'),
    [Tag.numericString]: text(Tag.numericString, /^[0-9 ]+$/, 'a NumericString'),
    [Tag.teletexString]: text(Tag.teletexString, VISIBLE, 'a TeletexString'),
    [Tag.bmpString]: bmpString,
  },
  'a text',
)

/** DisplayText (RFC 5280 §4.2.1.4). */
export const displayText = choice(
  {
    [Tag.utf8String]: utf8String,
    [Tag.ia5String]: text(Tag.ia5String, ASCII, 'an IA5String'),
    [Tag.visibleString]: text(Tag.visibleString, VISIBLE, 'a VisibleString'),
    [Tag.bmpString]: bmpString,
  },
  'a text',
)

export const aUriText = text(Tag.ia5String, VISIBLE, 'a URI')

const nameAndValue = sequenceOf(anOid, nameText)

/** A SET OF in DER order, which some parsers enforce. */
const relativeName: Shape = (reader) => {
  const set = reader.enter(Tag.set)
  let last: Buffer | undefined
  do {
    const { whole } = set.read(Tag.sequence)
    if (last !== undefined && Buffer.compare(last, whole) >= 0)
      throw new InvalidDerError('a SET out of order')
    last = whole
    checkShape(whole, nameAndValue)
  } while (set.hasMore)
}

/** A Name that is not empty: Java rejects a certificate with an empty issuer. */
export const name: Shape = listOf(relativeName)

const LABELS = '[A-Za-z0-9_-]{1,63}(?:\\.[A-Za-z0-9_-]{1,63})*'
const PATH = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
/** URIs that both Go's net/url and java.net.URI parse, with a host that both accept. */
const URI = new RegExp(
  `^[A-Za-z][A-Za-z0-9+.-]*:(?:\\/\\/(?:(?:${LABELS}|\\[[0-9A-Fa-f:]{2,39}\\])(?::[0-9]{1,5})?(?=[/?#]|$)|(?=\\/))|(?!\\/\\/)(?=.))${PATH}*(?:\\?(?:${PATH}|\\?)*)?(?:#(?:${PATH}|\\?)*)?$`,
)
const BRACKETS = /^[^/?#]*:\/\/\[([^\]]*)\]/

const aUri: Shape = (reader) => {
  const content = reader.read(context(6)).content.toString('latin1')
  const [, address] = BRACKETS.exec(content) ?? []
  if (!URI.test(content) || (address !== undefined && !isIPv6(address)))
    throw new InvalidDerError('a URI that not everybody reads')
}
const DNS_NAME = new RegExp(`^(?=.{1,253}$)(?:\\*\\.)?${LABELS}$`)
const LOCAL_PART = '[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*'
const MAILBOX = new RegExp(`^(?=.{1,253}$)${LOCAL_PART}@${LABELS}$`)
/** A host or a domain suffix; empty for all. */
const DNS_CONSTRAINT = new RegExp(`^(?=.{0,253}$)(?:\\.?${LABELS})?$`)
const HOST_CONSTRAINT = new RegExp(`^(?=.{1,253}$)\\.?${LABELS}$`)
const MAIL_CONSTRAINT = new RegExp(`^(?=.{1,253}$)(?:${LOCAL_PART}@|\\.)?${LABELS}$`)

const otherName = tagged(0, anOid, tagged(0, nameText))
const directoryName = tagged(4, name)

const ipAddress: Shape = (reader) => {
  const { length } = reader.read(context(7)).content
  if (length !== 4 && length !== 16) throw new InvalidDerError('an IP address of another length than 4 or 16')
}

/** An address and a contiguous mask. */
const ipConstraint: Shape = (reader) => {
  const { content } = reader.read(context(7))
  if (content.length !== 8 && content.length !== 32)
    throw new InvalidDerError('a range of IP addresses of a wrong length')
  const bits = Array.from(content.subarray(content.length / 2), (octet) =>
    octet.toString(2).padStart(8, '0'),
  ).join('')
  if (bits.includes('01')) throw new InvalidDerError('a range of IP addresses whose mask has holes')
}

/** Without x400Address and ediPartyName, which some parsers reject. */
export const generalName: Shape = choice(
  {
    [contextConstructed(0)]: otherName,
    [context(1)]: text(context(1), MAILBOX, 'a mail address'),
    [context(2)]: text(context(2), DNS_NAME, 'a DNS name'),
    [contextConstructed(4)]: directoryName,
    [context(6)]: aUri,
    [context(7)]: ipAddress,
    [context(8)]: registeredId,
  },
  'a name',
)

function registeredId(reader: Parameters<Shape>[0]): void {
  const { content } = reader.read(context(8))
  // The OID is implicitly tagged, so its own tag is put back.
  checkShape(Buffer.concat([Buffer.of(Tag.oid, content.length), content]), anOid)
}

export const generalNames: Shape = listOf(generalName)
export const taggedGeneralNames = (number: number): Shape => taggedList(number, generalName)

/** The base of a GeneralSubtree (RFC 5280 §4.2.1.10). */
export const constrainedName: Shape = choice(
  {
    [context(1)]: text(context(1), MAIL_CONSTRAINT, 'a range of mail addresses'),
    [context(2)]: text(context(2), DNS_CONSTRAINT, 'a range of DNS names'),
    [contextConstructed(4)]: directoryName,
    [context(6)]: text(context(6), HOST_CONSTRAINT, 'a range of URIs'),
    [context(7)]: ipConstraint,
  },
  'a range of names',
)
