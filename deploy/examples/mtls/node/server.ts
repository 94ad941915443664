// An HTTPS server that accepts only clients with the given SPIFFE IDs and tells each of them its
// own.
//
//   node server.ts --listen 127.0.0.1:8443 --peer spiffe://example.org/client
import type { TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { authorizeId, createHttpsServer, peerIdOf, X509Source } from '@signet-spiffe/client'

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:8443' },
    peer: { type: 'string', multiple: true, default: [] },
  },
})
const [host, port] = values.listen.split(':')

// Finds the agent by SPIFFE_ENDPOINT_SOCKET, waits for an SVID for this process, and keeps it current.
const source = await X509Source.connect({ onProblem: (problem) => console.error(problem.message) })
console.error(`this is ${source.svid.spiffeId}`)

// Every handshake presents the current SVID. The handler sees only requests of verified and authorized peers.
const server = createHttpsServer({ source, authorize: authorizeId(...values.peer) }, (request, response) => {
  const socket = request.socket as TLSSocket
  const serial = socket.getPeerX509Certificate()?.serialNumber.toLowerCase()
  response.end(`hello ${peerIdOf(request)}, with certificate ${serial}, from port ${socket.remotePort}\n`)
})
server.on('tlsClientError', (error) => console.log(`refused: ${error.message.trim()}`))
server.listen(Number(port), host, () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.address}:${address.port}`)
})
