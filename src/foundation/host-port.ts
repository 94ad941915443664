import { isIPv6 } from 'node:net'
import { CodedError } from './errors.ts'

/** The text is not of the form host:port. */
class HostPortInvalidError extends CodedError {
  override readonly name = 'HostPortInvalidError'
  readonly code = 'ERR_HOST_PORT_INVALID'
  readonly kind = 'invalid_argument'
}

/** A network address: a host name or an IP address, and a TCP port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/
const MAX_PORT = 65_535

/** Parses `host:port` or `[ipv6]:port`. @throws HostPortInvalidError */
export function parseHostPort(text: string): HostPort {
  const { ipv6, name, port } = FORM.exec(text)?.groups ?? {}
  const host = ipv6 ?? name
  if (host === undefined || (ipv6 !== undefined && !isIPv6(ipv6)))
    throw new HostPortInvalidError(
      text.startsWith('*:')
        ? `expected host:port: for every address of this machine write 0.0.0.0${text.slice(1)} or [::]${text.slice(1)}`
        : 'expected host:port, such as authority.example.org:7443',
    )
  if (Number(port) > MAX_PORT) throw new HostPortInvalidError(`the port is at most ${MAX_PORT}`)
  return { host, port: Number(port) }
}

/** Formats an address as `parseHostPort` reads it. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
