import { isPathSegment, MAX_ID_LENGTH } from '../spiffe/spiffe-id.ts'
import { Expression, type Facts } from './expression.ts'
import { ExpressionInvalidError } from './problem.ts'
import { checkTextual, parseTemplate, type Rendered, renderText, type TemplatePart } from './template.ts'

const LITERAL = /^[A-Za-z0-9._-]*$/
/** A path without expressions, as most have, that needs no closer look. */
const PLAIN_PATH = /^(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._-]+)+$/

/**
 * A template for the path of a SPIFFE ID. A segment has at most one attribute, so that two callers
 * cannot get the same ID by accident (decision 0015).
 */
export class SpiffeIdTemplate {
  readonly usedAttributes: ReadonlySet<string>
  readonly #prefix: string
  readonly #segments: readonly (readonly TemplatePart[])[]
  /** The ID itself, if nothing in it depends on the caller. */
  readonly #constant: string | undefined

  /** `path` is that of every ID, if nothing in the template depends on the caller. */
  private constructor(
    trustDomain: string,
    path: string | undefined,
    segments: readonly (readonly TemplatePart[])[],
  ) {
    this.#prefix = `spiffe://${trustDomain}`
    this.#segments = segments
    this.usedAttributes = new Set(
      segments.flat().flatMap((part) => (part instanceof Expression ? [...part.usedAttributes] : [])),
    )
    this.#constant = path === undefined ? undefined : this.#prefix + path
    if ((this.#constant ?? '').length > MAX_ID_LENGTH) {
      throw new ExpressionInvalidError(`a SPIFFE ID has ${MAX_ID_LENGTH} bytes at most`)
    }
  }

  static compile(text: string, trustDomain: string): SpiffeIdTemplate {
    const own = `spiffe://${trustDomain}/`
    const path = text.startsWith(own) ? text.slice(own.length - 1) : text
    if (!path.startsWith('/')) {
      throw new ExpressionInvalidError(`expected a path that begins with "/" (or with ${own})`)
    }
    if (PLAIN_PATH.test(path)) return new SpiffeIdTemplate(trustDomain, path, [])
    const segments: TemplatePart[][] = [[]]
    for (const part of parseTemplate(path.slice(1))) {
      if (part instanceof Expression) {
        segments.at(-1)?.push(part)
        continue
      }
      const [first, ...more] = part.split('/')
      if (first !== '' && first !== undefined) segments.at(-1)?.push(first)
      for (const text of more) segments.push(text === '' ? [] : [text])
    }
    for (const segment of segments) checkSegment(segment)
    return new SpiffeIdTemplate(trustDomain, undefined, segments)
  }

  /**
   * Whether the template could render this ID for some caller. An expression is assumed to give any
   * text.
   */
  mayRender(spiffeId: string): boolean {
    if (this.#constant !== undefined) return this.#constant === spiffeId
    if (!spiffeId.startsWith(`${this.#prefix}/`)) return false
    const segments = spiffeId.slice(this.#prefix.length + 1).split('/')
    return (
      segments.length === this.#segments.length &&
      this.#segments.every((parts, index) => mayBe(parts, segments[index] as string))
    )
  }

  render(facts: Facts): Rendered<string> {
    if (this.#constant !== undefined) return { value: this.#constant }
    let id = this.#prefix
    for (const parts of this.#segments) {
      const segment = renderText(parts, facts)
      if ('refused' in segment) return segment
      const { value } = segment
      if (!isPathSegment(value)) {
        return { refused: `spiffe_id: ${JSON.stringify(value.slice(0, 64))} cannot be a path segment` }
      }
      id += `/${value}`
      if (id.length > MAX_ID_LENGTH) return { refused: `spiffe_id: longer than ${MAX_ID_LENGTH} bytes` }
    }
    return { value: id }
  }
}

/** Whether a segment of these parts, of which at most one is an expression, could be this text. */
function mayBe(parts: readonly TemplatePart[], segment: string): boolean {
  const at = parts.findIndex((part) => part instanceof Expression)
  if (at < 0) return parts.join('') === segment
  const [before, after] = [parts.slice(0, at).join(''), parts.slice(at + 1).join('')]
  return (
    segment.length >= before.length + after.length && segment.startsWith(before) && segment.endsWith(after)
  )
}

function checkSegment(parts: readonly TemplatePart[]): void {
  if (parts.length === 0) throw new ExpressionInvalidError('a path segment must not be empty')
  const expressions = parts.filter((part) => part instanceof Expression)
  if (expressions.length > 1 || (expressions[0]?.usedAttributes.size ?? 0) > 1) {
    throw new ExpressionInvalidError(
      'one attribute in a path segment at most: two next to each other could give two callers the same ID',
    )
  }
  for (const part of parts) {
    if (part instanceof Expression) checkTextual(part)
    else if (!LITERAL.test(part)) {
      throw new ExpressionInvalidError(
        `${JSON.stringify(part)} in a path segment: letters, digits, ".", "-" and "_" only`,
      )
    }
  }
  if (expressions.length === 0 && !isPathSegment(parts.join(''))) {
    throw new ExpressionInvalidError('a path segment must not be "." or ".."')
  }
}
