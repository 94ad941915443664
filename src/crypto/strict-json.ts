import { CodedError } from '../foundation/errors.ts'

/** The text is not JSON, or is JSON that parsers may interpret differently. */
class InvalidJsonError extends CodedError {
  override readonly name = 'InvalidJsonError'
  readonly code = 'ERR_CRYPTO_JSON_INVALID'
  readonly kind = 'invalid_argument'
}

const MAX_DEPTH = 32
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export type JsonObject = Record<string, unknown>

/** `JSON.parse` passes the source text to a reviver; TypeScript's declarations lack that. */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

/** Where a problem is in a document: member names and indices, from the outermost in. */
type JsonPath = readonly (string | number)[]

interface JsonOptions {
  /** Integers that a double cannot represent become bigints. */
  readonly bigints?: boolean
  /**
   * Returns true to ignore a problem at this path, because the caller does not use that part of the
   * document.
   */
  readonly tolerate?: (path: JsonPath, message: string) => boolean
}

/**
 * Parses a JSON object (RFC 8259). It refuses deep nesting, and duplicate members, of which
 * JSON.parse silently takes the last.
 * @throws InvalidJsonError
 */
export function parseJsonObject(json: Uint8Array | string, options: JsonOptions = {}): JsonObject {
  const text = typeof json === 'string' ? json : decode(json)
  let value: unknown
  try {
    value =
      options.bigints === true
        ? JSON.parse(text, reviveBigints as Parameters<typeof JSON.parse>[1])
        : JSON.parse(text)
  } catch {
    throw new InvalidJsonError('not JSON') // the parser's message would quote the text
  }
  if (!isJsonObject(value)) throw new InvalidJsonError('not an object in JSON')
  checkMembers(text, options.tolerate ?? (() => false))
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const INTEGER = /^-?\d+$/

const reviveBigints: Reviver = (_key, value, context) => {
  const isInexact = typeof value === 'number' && !Number.isSafeInteger(value)
  return isInexact && context?.source !== undefined && INTEGER.test(context.source)
    ? BigInt(context.source)
    : value
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new InvalidJsonError('not UTF-8')
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

interface Level {
  /** Names of an object so far; undefined in an array. */
  readonly names: Set<string> | undefined
  /** Name or index of the current value. */
  at: string | number
}

/** Scans valid JSON. A string is a member name when a colon follows. */
function checkMembers(text: string, tolerate: NonNullable<JsonOptions['tolerate']>): void {
  const open: Level[] = []
  let lastString: string | undefined
  const complain = (message: string): void => {
    const path = open.slice(0, MAX_DEPTH).map(({ at }) => at)
    if (!tolerate(path, message)) throw new InvalidJsonError(message)
  }
  for (const [token] of text.matchAll(TOKEN)) {
    const level = open.at(-1)
    switch (token) {
      case '{':
        open.push({ names: new Set(), at: '' })
        break
      case '[':
        open.push({ names: undefined, at: 0 })
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (typeof level?.at === 'number') level.at += 1
        break
      case ':': {
        const name = JSON.parse(lastString ?? '""') as string // "a" and "\u0061" are the same name
        if (level === undefined) break
        level.at = name
        if (level.names?.has(name)) complain('a member of an object in JSON is there twice')
        level.names?.add(name)
        break
      }
      default:
        lastString = token
    }
    if (open.length > MAX_DEPTH) complain('JSON that is nested too deeply')
  }
}
