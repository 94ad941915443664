import type { IncomingHttpHeaders } from 'node:http2'
import type { CallHead } from './handlers.ts'

/** Of `:authority` and `:scheme` together: a path, percent-encoded, or the longest DNS name, with room to spare. */
const MAX_ADDRESS_LENGTH = 1_024
const NO_VALUES: readonly string[] = []

/** Node keeps these headers, and only these, for as long as a stream lives. */
export function hasLongAddress(headers: IncomingHttpHeaders): boolean {
  const { ':authority': authority = '', host = '', ':scheme': scheme = '' } = headers
  return authority.length + host.length + scheme.length > MAX_ADDRESS_LENGTH
}

export function headOf(method: string, headers: IncomingHttpHeaders): CallHead {
  return {
    method,
    metadata: (name) => {
      const value = headers[name]
      if (value === undefined) return NO_VALUES
      return Array.isArray(value) ? value : [value]
    },
  }
}
