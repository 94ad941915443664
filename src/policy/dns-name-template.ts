import { Expression, type Facts } from './expression.ts'
import { ExpressionInvalidError } from './problem.ts'
import { checkTextual, parseTemplate, type Rendered, renderText, type TemplatePart } from './template.ts'

/**
 * RFC 1035 §2.3.1 as relaxed by RFC 1123 §2.1. Lower case only, because names are compared byte by
 * byte.
 */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const LABEL_PIECE = /^[a-z0-9-]*$/
const MAX_NAME_LENGTH = 253

const WILDCARD = '*.'
/** WHATWG URL, "ends in a number": URL parsers treat such a host as an IPv4 address. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/

/**
 * A DNS name whose labels are rendered and checked one by one. A name that is a single expression
 * may contain dots. A literal `*.` may precede the name, for wildcard certificates; a role must
 * then allow that exact wildcard name.
 */
export class DnsNameTemplate {
  readonly usedAttributes: ReadonlySet<string>
  readonly #prefix: string
  readonly #labels: readonly (readonly TemplatePart[])[]
  readonly #whole: boolean

  private constructor(prefix: string, labels: readonly (readonly TemplatePart[])[]) {
    this.#prefix = prefix
    this.#labels = labels
    this.#whole = labels.length === 1 && labels[0]?.length === 1 && labels[0][0] instanceof Expression
    this.usedAttributes = new Set(
      labels.flat().flatMap((part) => (part instanceof Expression ? [...part.usedAttributes] : [])),
    )
  }

  static compile(text: string): DnsNameTemplate {
    let last: TemplatePart[] = []
    const labels = [last]
    const prefix = text.startsWith(WILDCARD) ? WILDCARD : ''
    for (const part of parseTemplate(text.slice(prefix.length))) {
      if (part instanceof Expression) {
        checkTextual(part)
        last.push(part)
        continue
      }
      for (const [at, piece] of part.split('.').entries()) {
        if (at > 0) {
          last = []
          labels.push(last)
        }
        if (!LABEL_PIECE.test(piece)) throw new ExpressionInvalidError(notALabel(piece))
        if (piece !== '') last.push(piece)
      }
    }
    for (const label of labels) {
      if (label.some((part) => part instanceof Expression)) continue
      if (!LABEL.test(label.join(''))) throw new ExpressionInvalidError(notALabel(label.join('')))
    }
    if (last.every((part) => typeof part === 'string') && NUMBER.test(last.join('')))
      throw new ExpressionInvalidError(anAddress(text))
    return new DnsNameTemplate(prefix, labels)
  }

  render(facts: Facts): Rendered<string> {
    const labels: string[] = []
    let last = ''
    for (const parts of this.#labels) {
      const label = renderText(parts, facts)
      if ('refused' in label) return label
      for (const one of this.#whole ? label.value.split('.') : [label.value]) {
        if (!LABEL.test(one)) return { refused: `x509.dns_sans: ${notALabel(one)}` }
        last = one
        labels.push(one)
      }
    }
    if (NUMBER.test(last)) return { refused: `x509.dns_sans: ${anAddress(labels.join('.'))}` }
    const name = this.#prefix + labels.join('.')
    return name.length > MAX_NAME_LENGTH
      ? { refused: `x509.dns_sans: longer than ${MAX_NAME_LENGTH} bytes` }
      : { value: name }
  }
}

function notALabel(text: string): string {
  return `${JSON.stringify(text.slice(0, 64))} cannot be a label of a DNS name (lower case letters, digits and "-"; "*" only as the whole first label)`
}

function anAddress(text: string): string {
  return `${JSON.stringify(text.slice(0, 64))} would be read as an IP address: the last label of a DNS name must not be a number`
}
