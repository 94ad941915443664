import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import tls, { type TLSSocket } from 'node:tls'
import { spkiSha256 } from '../crypto/keys.ts'
import { type Certificate, parseCertificate, verifyChain } from '../crypto/x509.ts'
import type { Clock } from '../foundation/clock.ts'
import { CodedError, isAbortError, messageOf } from '../foundation/errors.ts'
import { formatHostPort, type HostPort } from '../foundation/host-port.ts'
import { formatInstant } from '../foundation/instant.ts'
import { type ConnectStage, describeFailure } from './client-failure.ts'
import { handshakeText } from './connect-failures.ts'
import { StatusCode } from './status.ts'
import { peerChain } from './tls-client-certificate.ts'

/** The authority cannot be reached: no TCP connection, or the TLS handshake failed. */
class AuthorityUnreachableError extends CodedError {
  override readonly name = 'AuthorityUnreachableError'
  readonly code = 'ERR_RPC_AUTHORITY_UNREACHABLE'
  readonly kind = 'unavailable'
}

/** The server's root certificate does not have the pinned key. */
class PinMismatchError extends CodedError {
  override readonly name = 'PinMismatchError'
  readonly code = 'ERR_RPC_PIN_MISMATCH'
  readonly kind = 'permission_denied'
}

/** The server's chain ends in the pinned root, but its certificate is not that of an authority. */
class NotAnAuthorityError extends CodedError {
  override readonly name = 'NotAnAuthorityError'
  readonly code = 'ERR_RPC_NOT_AN_AUTHORITY'
  readonly kind = 'permission_denied'
}

/** The authority's certificate is not valid at this host's time, so one of the two clocks is wrong. */
class ClocksDifferError extends CodedError {
  override readonly name = 'ClocksDifferError'
  readonly code = 'ERR_RPC_CLOCKS_DIFFER'
  readonly kind = 'unavailable'
}

interface FirstContactOptions {
  readonly clock: Clock
  readonly timeoutMs?: number
}

/**
 * What an agent learns before it trusts anything: the pinned root, and the trust domain from the
 * name in the authority's certificate.
 */
export interface AuthorityRoot {
  /** DER. */
  readonly root: Buffer
  readonly trustDomain: string
}

const TIMEOUT_MS = 10_000
/** How long to wait for the peer's close_notify. */
const CLOSE_MS = 1_000
const NAME_PREFIX = 'authority.'
const PIN = /^sha256:[0-9a-f]{64}$/

/**
 * Fetches the certificate chain that the authority presents and checks it against the pin (SHA-256
 * of the root's SubjectPublicKeyInfo). Nothing else is sent over this connection: the caller
 * connects again, trusting only that root, before it proves its own identity.
 * @throws AuthorityUnreachableError | PinMismatchError | NotAnAuthorityError | ClocksDifferError
 */
export async function fetchAuthorityRoot(
  address: HostPort,
  pin: string,
  options: FirstContactOptions,
): Promise<AuthorityRoot> {
  if (!PIN.test(pin)) throw new PinMismatchError('the pin must be sha256: and 64 hexadecimal digits')
  const where = formatHostPort(address)
  const chain = await fetchChain(address, where, options.timeoutMs ?? TIMEOUT_MS)
  return checkChain(chain, pin, where, options.clock.now().getTime() / 1000)
}

async function fetchChain(address: HostPort, where: string, timeoutMs: number): Promise<Buffer[]> {
  const socket: TLSSocket = tls.connect({
    host: address.host,
    port: address.port,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false, // the pin decides whether the chain is trusted
  })
  let stage = 'tcp' as ConnectStage
  socket.once('connect', () => {
    stage = 'tls'
  })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeoutMs) })
    const chain = peerChain(socket)
    closeGracefully(socket)
    return chain
  } catch (error) {
    socket.destroy()
    const timedOut = isAbortError(error)
    const message = stage === 'tls' ? handshakeText(error) : messageOf(error)
    const failure = { code: StatusCode.UNAVAILABLE, message }
    const described = describeFailure(failure, {
      address: where,
      isUnix: false,
      timedOut,
      state: 'connecting',
      stage,
      outcome: 'unreachable',
    })
    throw new AuthorityUnreachableError(described.publicMessage, { cause: error })
  } finally {
    socket.on('error', () => {}) // later errors do not matter
  }
}

/** Lets the server finish the handshake, too. Otherwise the authority would log a refused connection. */
function closeGracefully(socket: TLSSocket): void {
  socket.unref().resume().end()
  setTimeout(() => socket.destroy(), CLOSE_MS).unref()
}

/**
 * Checks a chain, leaf first: its root must have the pinned key, and its leaf must name
 * `authority.<trust domain>`.
 */
function checkChain(chain: readonly Buffer[], pin: string, where: string, nowSeconds: number): AuthorityRoot {
  const parsed = parseChain(chain, where)
  const leaf = parsed[0]
  const root = parsed.at(-1)
  if (leaf === undefined || root === undefined) throw notAnAuthority(where, 'no certificate')
  const found = `sha256:${spkiSha256(root.publicKeyDer)}`
  if (found !== pin) {
    throw new PinMismatchError(
      `${where} is not the authority that the pin names: expected ${pin}, found ${found}. Compare the pin with what the authority prints`,
    )
  }
  // The pin covers only the key. Without this check, a man in the middle could present another
  // certificate with the same public key.
  const own = new X509Certificate(root.der)
  if (!own.verify(own.publicKey)) throw notAnAuthority(where, 'a root that is not signed by itself')
  // First check the chain at a time at which it can be valid. Then a wrong clock is told apart from
  // a wrong authority.
  const validSeconds = Math.min(
    Math.max(nowSeconds, ...parsed.map(({ notBefore }) => notBefore)),
    leaf.notAfter,
  )
  try {
    verifyChain(parsed.slice(0, -1), [root], validSeconds)
  } catch (error) {
    throw notAnAuthority(where, `a certificate that does not hold (${messageOf(error)})`, error)
  }
  if (leaf.isCa || !leaf.extKeyUsages.includes('serverAuth')) {
    throw notAnAuthority(where, 'a certificate that is not the one of an authority')
  }
  const name = leaf.dnsSans.find((dnsName) => dnsName.startsWith(NAME_PREFIX))
  if (name === undefined) {
    throw notAnAuthority(where, 'a certificate without the name authority.<trust domain>')
  }
  if (validSeconds !== nowSeconds) throw clocksDiffer(where, parsed, nowSeconds)
  return { root: root.der, trustDomain: name.slice(NAME_PREFIX.length) }
}

function clocksDiffer(where: string, chain: readonly Certificate[], nowSeconds: number): ClocksDifferError {
  const [from, until, here] = [
    Math.max(...chain.map(({ notBefore }) => notBefore)),
    Math.min(...chain.map(({ notAfter }) => notAfter)),
    nowSeconds,
  ].map((seconds) => formatInstant(seconds * 1000))
  return new ClocksDifferError(
    `the certificate of ${where} is valid from ${from} until ${until}, and the clock of this host says ${here}: set right whichever of the two clocks is wrong`,
  )
}

function parseChain(chain: readonly Buffer[], where: string): Certificate[] {
  try {
    return chain.map((der) => parseCertificate(der))
  } catch (error) {
    throw notAnAuthority(where, 'a certificate that cannot be read', error)
  }
}

function notAnAuthority(where: string, shown: string, cause?: unknown): NotAnAuthorityError {
  return new NotAnAuthorityError(`${where} shows ${shown}: check the address, and who answers there`, {
    cause,
  })
}
