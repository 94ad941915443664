import { Glob } from './glob.ts'

const LABEL = '[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?'
const PATTERN = new RegExp(`^(?:\\*\\*\\.)?${LABEL}(?:\\.${LABEL})*$`)
const ANY_DEPTH = '**.'

/** Why the text is no pattern of DNS names; undefined when it is one. */
export function dnsPatternProblem(text: string): string | undefined {
  const rest = text.startsWith(ANY_DEPTH) ? text.slice(ANY_DEPTH.length) : text
  if (PATTERN.test(text) && !rest.includes('**')) return undefined
  return 'expected a DNS name in lower case, "*" standing for one label or a part of it, "**." before it for one or more labels'
}

/** DNS names that a role speaks of: `*` for one label or a part of it, `**.` at the beginning for one or more labels. */
export class DnsPattern {
  readonly text: string
  readonly #glob: Glob

  private constructor(text: string) {
    this.text = text
    // One label at least: who says `**.example.org` does not mean `example.org`.
    const atLeastOne = text.startsWith(ANY_DEPTH) ? `*.${text}` : text
    this.#glob = Glob.compile(atLeastOne, { separator: '.' })
  }

  static compile(text: string): DnsPattern {
    return new DnsPattern(text)
  }

  /** A certificate for `*.internal` is good for all that it covers, so a role has to say exactly that. */
  allows(name: string): boolean {
    return isWildcard(name) ? this.text === name : this.#glob.matches(name)
  }

  /** Whether a certificate with this name is good for some name of the pattern. */
  touches(name: string): boolean {
    if (!isWildcard(name)) return this.#glob.matches(name)
    const [, ...labels] = name.split('.')
    const [first = '', ...others] = this.text.split('.')
    // Whatever the first label of the pattern is, `*` covers a label of its kind.
    if (first === '**') return this.#glob.matches(['x', ...labels].join('.'))
    return (
      others.length === labels.length &&
      Glob.compile(['*', ...others].join('.'), { separator: '.' }).matches(['x', ...labels].join('.'))
    )
  }
}

/** RFC 6125 §6.4.3: a whole label, the first. */
function isWildcard(name: string): boolean {
  return name.startsWith('*.')
}
