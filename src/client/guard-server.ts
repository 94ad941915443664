import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { contextOptions } from './tls-context.ts'
import { type MutualTls, verifyPeer } from './verify-peer.ts'
import type { OwnX509Svid } from './x509-update.ts'

/**
 * Constructor options of a guarded server: ask for a client certificate and leave its validation to
 * the guard.
 */
export const GUARDED = { requestCert: true, rejectUnauthorized: false } as const
/** Node's own default is two minutes. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * Wraps a TLS server so that it emits `secureConnection` for verified and authorized peers only.
 * Listeners, in whatever order they were added, never see another peer, and no byte of a refused
 * one reaches HTTP or a handler. A refused peer's socket is destroyed and reported as
 * `tlsClientError`. Each handshake presents the SVID that is current at that moment; open
 * connections are kept.
 */
export function guardServer<S extends Server>(server: S, { source, authorize }: MutualTls): S {
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean
  let shown: OwnX509Svid | undefined
  const showCurrent = (): void => {
    const { svid } = source
    if (svid === shown) return
    server.setSecureContext(contextOptions(svid))
    shown = svid
  }
  const unless = (check: () => void, socket: Socket, event: string): boolean => {
    try {
      check()
    } catch (error) {
      socket.on('error', () => {}) // already failing; `close` follows
      socket.destroy()
      return emit('tlsClientError', error, socket)
    }
    return emit(event, socket)
  }
  const guarded = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'connection') return unless(showCurrent, args[0] as Socket, event)
    if (event !== 'secureConnection') return emit(event, ...args)
    const socket = args[0] as TLSSocket
    return unless(() => verifyPeer(socket, { source, authorize }), socket, event)
  }
  server.emit = guarded
  return server
}
