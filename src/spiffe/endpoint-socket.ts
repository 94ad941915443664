import { isIP } from 'node:net'
import { CodedError } from '../foundation/errors.ts'

/** The text is not the address of a Workload Endpoint (Workload Endpoint §4). */
class InvalidEndpointSocketError extends CodedError {
  override readonly name = 'InvalidEndpointSocketError'
  readonly code = 'ERR_SPIFFE_ENDPOINT_SOCKET_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string) {
    super('not the address of a Workload Endpoint', { detail })
  }
}

export type EndpointSocket = { readonly path: string } | { readonly host: string; readonly port: number }

const SCHEME = /^([a-z]+):/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand there
const NOT_IN_A_URI = /[\u0000-\u0020\u007f"<>\\^`{|}]/
const TCP = /^\/\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/

/**
 * Reads a value of `SPIFFE_ENDPOINT_SOCKET`: `unix:///run/x.sock` (or the equivalent
 * `unix:/run/x.sock`) with an absolute path, or `tcp://127.0.0.1:8000` with an IP address and a
 * port. Nothing else may follow.
 * @throws InvalidEndpointSocketError
 */
export function parseEndpointSocket(uri: string): EndpointSocket {
  const scheme = SCHEME.exec(uri)?.[1]
  if (scheme === undefined)
    throw new InvalidEndpointSocketError('it has no scheme: write unix:///path or tcp://ip:port')
  if (NOT_IN_A_URI.test(uri))
    throw new InvalidEndpointSocketError('it has a character that does not belong into a URI')
  if (/[?#]/.test(uri)) throw new InvalidEndpointSocketError('it has a query or a fragment')
  const rest = uri.slice(scheme.length + 1)
  switch (scheme.toLowerCase()) {
    case 'unix':
      return { path: parsePath(rest) }
    case 'tcp':
      return parseHostAndPort(rest)
    default:
      throw new InvalidEndpointSocketError('its scheme is neither unix nor tcp')
  }
}

function parsePath(rest: string): string {
  const encoded = rest.startsWith('//') ? rest.slice(2) : rest
  if (!encoded.startsWith('/')) throw new InvalidEndpointSocketError('its path is not absolute')
  let path: string
  try {
    path = decodeURIComponent(encoded)
  } catch {
    throw new InvalidEndpointSocketError('its path has a broken percent-encoding')
  }
  if (path.includes('\0')) throw new InvalidEndpointSocketError('its path has a zero byte')
  if (path.endsWith('/')) throw new InvalidEndpointSocketError('its path does not name a socket')
  return path
}

function parseHostAndPort(rest: string): EndpointSocket {
  const [, ipv6, ipv4, digits] = TCP.exec(rest) ?? []
  const host = ipv6 ?? ipv4 ?? ''
  const port = Number(digits)
  const isAddress = isIP(host) === (ipv6 === undefined ? 4 : 6)
  if (!isAddress || !(port >= 1 && port <= 65_535)) {
    throw new InvalidEndpointSocketError('it is not an IP address, a port and nothing else')
  }
  return { host, port }
}
