import type { IncomingHttpHeaders } from 'node:http2'
import type { CallHead } from './handlers.ts'

/**
 * Limit for `:authority`, `host` and `:scheme` together. A percent-encoded socket path or the
 * longest DNS name fits easily.
 */
const MAX_ADDRESS_LENGTH = 1_024
const NO_VALUES: readonly string[] = []

/** Node keeps these headers, and no others, for the life of a stream. */
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
