import { Glob } from '../glob.ts'
import type { Fact } from './fact.ts'

/** What values texts can have, so that a rule with one that no process has is refused when it is applied. */
type ValueShape = Required<Pick<Fact, 'valueProblem' | 'globProblem'>>

/** A path as the kernel gives it: absolute, without `.` and empty segments. */
function absolutePath(
  example: string,
  { impossible }: { readonly impossible: readonly string[] },
): ValueShape {
  const absolute = `expected an absolute path such as ${example}`
  const segmentProblem = (path: string): string | undefined => {
    const odd = path.split('/').find((segment, at) => at > 0 && impossible.includes(segment))
    if (odd === undefined || path === '/') return undefined
    return `no process has ${odd === '' ? 'an empty segment' : `the segment ${odd}`} in this path: write it without`
  }
  return {
    valueProblem: (value) => (value.startsWith('/') ? segmentProblem(value) : absolute),
    globProblem: (glob) => {
      const [first = '', ...rest] = glob.split('/')
      // Both wildcards also match the nothing before the first slash.
      const isAbsolute = first === '**' || (rest.length > 0 && ['', '*'].includes(first))
      return isAbsolute ? segmentProblem(glob) : absolute
    },
  }
}

export const BINARY_PATH = absolutePath('/opt/app/server', { impossible: ['', '.', '..'] })
/** Outside of the root of a cgroup namespace it begins with `/..`. */
export const CGROUP = absolutePath('/system.slice/app.service', { impossible: ['', '.'] })

const DIGITS = 64

/** As the attestor writes it: 64 lower-case hex digits. */
export const SHA256_HEX: ValueShape = {
  valueProblem: (value) => {
    const plain = value
      .trim()
      .toLowerCase()
      .replace(/^sha-?256:/, '')
    if (/^[0-9a-f]{64}$/.test(value)) return undefined
    const isMeant = /^[0-9a-f]{64}$/.test(plain)
    return isMeant ? `write it as ${plain}` : `expected ${DIGITS} lower-case hex digits`
  },
  globProblem: (glob) =>
    /^[0-9a-f*]+$/.test(glob) && glob.replaceAll('*', '').length <= DIGITS
      ? undefined
      : `expected lower-case hex digits and *, ${DIGITS} at most`,
}

/** As in passwd(5) and group(5). */
export const ACCOUNT_NAME: ValueShape = {
  valueProblem: (value) =>
    /^[^:\n]+$/.test(value) ? undefined : 'expected the name of an account, such as www-data',
  globProblem: (glob) =>
    /[:\n]/.test(glob) ? 'no name of an account has a colon or a line break' : undefined,
}

export function oneOf(...names: readonly string[]): ValueShape {
  const known = names.join(' or ')
  return {
    valueProblem: (value) => (names.includes(value) ? undefined : `expected ${known}`),
    globProblem: (text) => {
      const glob = Glob.compile(text)
      return names.some((name) => glob.matches(name)) ? undefined : `expected a glob that matches ${known}`
    },
  }
}

/** As `toISOString` writes it. */
export const INSTANT: ValueShape = {
  valueProblem: (value) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)
      ? undefined
      : 'expected an instant such as 2027-01-01T00:00:00.000Z',
  globProblem: (glob) =>
    /^[\dTZ:.*-]+$/.test(glob) ? undefined : 'expected a glob for an instant, such as 2027-01-01T*',
}
