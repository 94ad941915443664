import { CodedError } from '../foundation/errors.ts'

/** A text that is not JSON, or JSON that two readers may understand in two ways. */
export class InvalidJsonError extends CodedError {
  override readonly name = 'InvalidJsonError'
  readonly code = 'ERR_CRYPTO_JSON_INVALID'
  readonly kind = 'invalid_argument'
}

const DEEPEST = 32
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export type JsonObject = Record<string, unknown>

/** What `JSON.parse` gives a reviver beside the value; not yet in TypeScript's declarations. */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

/**
 * An object in JSON (RFC 8259), without repeated members, whose last one JSON.parse would silently take, and without endless nesting.
 * Integers that a double cannot hold become bigints where `bigints` is set.
 * @throws InvalidJsonError
 */
export function parseJsonObject(json: Uint8Array | string, options: { bigints?: boolean } = {}): JsonObject {
  const text = typeof json === 'string' ? json : decode(json)
  let value: unknown
  try {
    value =
      options.bigints === true
        ? JSON.parse(text, reviveBigints as Parameters<typeof JSON.parse>[1])
        : JSON.parse(text)
  } catch {
    throw new InvalidJsonError('not JSON') // the parser's message would repeat a part of the text
  }
  if (!isJsonObject(value)) throw new InvalidJsonError('not an object in JSON')
  checkMembers(text)
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

/** Walks through valid JSON; a string is a member's name when a colon follows. */
function checkMembers(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let lastString: string | undefined
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token) {
      case '{':
        open.push(new Set())
        break
      case '[':
        open.push(undefined)
        break
      case '}':
      case ']':
        open.pop()
        break
      case ':': {
        const name = JSON.parse(lastString ?? '""') as string // "a" and "\u0061" are the same name
        if (open.at(-1)?.has(name)) throw new InvalidJsonError('a member of an object in JSON is there twice')
        open.at(-1)?.add(name)
        break
      }
      default:
        lastString = token
    }
    if (open.length > DEEPEST) throw new InvalidJsonError('JSON that is nested too deeply')
  }
}
