import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:tls'

/**
 * Returns the certificate that a server presents. The server then ends the connection, because we
 * present none.
 */
export async function shownAt(port: number): Promise<X509Certificate> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  socket.on('error', () => undefined)
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) })
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw new Error('the server showed no certificate')
    return certificate
  } finally {
    socket.destroy()
  }
}
