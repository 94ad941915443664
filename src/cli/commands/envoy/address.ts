import { isIP } from 'node:net'
import type { EnvoyAddress } from '../../../config/envoy/sidecar.ts'
import { checkSocketPath } from '../../../config/socket-path-problems.ts'
import { parseHostPort } from '../../../foundation/host-port.ts'
import { UsageError } from '../../errors.ts'

const UNIX = /^unix:(?:\/\/)?(?<socket>\/.+)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/

/**
 * Parses an address that an Envoy listens on: `ip:port`, `[ipv6]:port` or `unix:/path`. Port 0
 * chooses a free port.
 * @throws UsageError
 */
export function parseListenAddress(flag: string, text: string): EnvoyAddress {
  const address = parseAddress(flag, text)
  if ('host' in address && isIP(address.host) === 0) {
    throw new UsageError(`${flag}: expected the IP address of an interface, such as 127.0.0.1 or 0.0.0.0`)
  }
  return address
}

/** Parses an address that an Envoy connects to: the same, or with a host name. @throws UsageError */
export function parseTargetAddress(flag: string, text: string): EnvoyAddress {
  const address = parseAddress(flag, text)
  if ('port' in address && address.port === 0) throw new UsageError(`${flag}: nothing is at port 0`)
  return address
}

/** Checks that a socket path is short enough and has no control characters. @throws UsageError */
export function checkPath(flag: string, socket: string): string {
  if (CONTROL.test(socket)) throw new UsageError(`${flag}: the path has control characters`)
  const [problem] = checkSocketPath([], socket)
  if (problem) throw new UsageError(`${flag}: ${problem.message}`)
  return socket
}

function parseAddress(flag: string, text: string): EnvoyAddress {
  const socket = UNIX.exec(text)?.groups?.['socket']
  if (socket !== undefined) return { path: checkPath(flag, socket) }
  try {
    return parseHostPort(text)
  } catch (cause) {
    throw new UsageError(`${flag}: expected host:port, such as 127.0.0.1:8080, or unix:/path`, { cause })
  }
}
