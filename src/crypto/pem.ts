import { CodedError } from '../foundation/errors.ts'

/** The text is not valid PEM (RFC 7468). The error never holds the text, which may be a key. */
class InvalidPemError extends CodedError {
  override readonly name = 'InvalidPemError'
  readonly code = 'ERR_CRYPTO_PEM_INVALID'
  readonly kind = 'invalid_argument'
}

interface PemBlock {
  readonly label: string
  readonly der: Buffer
}

const LABEL = '[A-Z0-9]+(?: [A-Z0-9]+)*'
const BEGIN = new RegExp(`^-----BEGIN (${LABEL})-----$`)
const END = new RegExp(`^-----END (${LABEL})-----$`)
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const LINE = 64

export function encodePem(label: string, der: Uint8Array): string {
  const body = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64')
  const lines = body.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/**
 * Decodes all blocks of a text, in order. Text between blocks is allowed (RFC 7468 §2), text within
 * them is not.
 * @throws InvalidPemError when a block is malformed, or there is none
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let label: string | undefined
  let body: string[] = []
  for (const line of text.split(/\r\n|\n|\r/).map((each) => each.trim())) {
    if (label === undefined) {
      label = BEGIN.exec(line)?.[1]
      if (label === undefined && line.startsWith('-----'))
        throw new InvalidPemError('PEM: a block that does not begin')
      body = []
      continue
    }
    const ended = END.exec(line)?.[1]
    if (ended === undefined) {
      body.push(line)
      continue
    }
    if (ended !== label) throw new InvalidPemError(`PEM: a block begins as ${label} and ends as ${ended}`)
    blocks.push({ label, der: decodeBody(label, body.join('')) })
    label = undefined
  }
  if (label !== undefined) throw new InvalidPemError(`PEM: the block ${label} does not end`)
  if (blocks.length === 0) throw new InvalidPemError('PEM: no block found')
  return blocks
}

function decodeBody(label: string, body: string): Buffer {
  if (body === '' || !BASE64.test(body)) throw new InvalidPemError(`PEM: the block ${label} is not Base64`)
  const der = Buffer.from(body, 'base64')
  if (der.toString('base64') !== body)
    throw new InvalidPemError(`PEM: the block ${label} is not canonical Base64`)
  return der
}
