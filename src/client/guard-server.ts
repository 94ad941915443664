import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { contextOptions } from './tls-context.ts'
import { type MutualTls, verifyPeer } from './verify-peer.ts'
import type { OwnX509Svid } from './x509-update.ts'

/** For the constructor of a server that is guarded: it asks for a certificate, and the guard says what that is worth. */
export const GUARDED = { requestCert: true, rejectUnauthorized: false } as const
/** Node waits for two minutes. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * Stands between Node and everybody who listens to a TLS server: `secureConnection` is heard only of verified peers, by whatever listener and
 * in whatever order, and so no byte of any other reaches HTTP or a handler. A refused one is destroyed and told as `tlsClientError`. Each
 * handshake shows the SVID of that moment; connections that are there go on.
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
      socket.on('error', () => {}) // it is over; `close` follows
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
