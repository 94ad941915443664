import { Glob } from './glob.ts'

const LABEL = '[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?'
const PATTERN = new RegExp(`^(?:\\*\\*\\.)?${LABEL}(?:\\.${LABEL})*$`)
const ANY_DEPTH = '**.'

/** Says why the text is not a valid DNS name pattern; undefined if it is one. */
export function dnsPatternProblem(text: string): string | undefined {
  const rest = text.startsWith(ANY_DEPTH) ? text.slice(ANY_DEPTH.length) : text
  if (PATTERN.test(text) && !rest.includes('**')) return undefined
  return 'expected a DNS name in lower case, "*" standing for one label or a part of it, "**." before it for one or more labels'
}

/**
 * A pattern of DNS names in a role: `*` matches one label or a part of it, a leading `**.` one or
 * more labels.
 */
export class DnsPattern {
  readonly text: string
  readonly #glob: Glob

  private constructor(text: string) {
    this.text = text
    // At least one label: `**.example.org` does not match `example.org` itself.
    const atLeastOne = text.startsWith(ANY_DEPTH) ? `*.${text}` : text
    this.#glob = Glob.compile(atLeastOne, { separator: '.' })
  }

  static compile(text: string): DnsPattern {
    return new DnsPattern(text)
  }

  /**
   * A wildcard certificate is valid for every name that it covers, so a role must list the exact
   * wildcard name.
   */
  allows(name: string): boolean {
    return isWildcard(name) ? this.text === name : this.#glob.matches(name)
  }

  /** Whether a certificate with this name is valid for at least one name that the pattern matches. */
  touches(name: string): boolean {
    if (!isWildcard(name)) return this.#glob.matches(name)
    const [, ...labels] = name.split('.')
    const [first = '', ...others] = this.text.split('.')
    // Whatever the pattern's first label is, `*` covers some label that matches it.
    if (first === '**') return this.#glob.matches(['x', ...labels].join('.'))
    return (
      others.length === labels.length &&
      Glob.compile(['*', ...others].join('.'), { separator: '.' }).matches(['x', ...labels].join('.'))
    )
  }
}

/** RFC 6125 §6.4.3: the wildcard is the complete left-most label. */
function isWildcard(name: string): boolean {
  return name.startsWith('*.')
}
