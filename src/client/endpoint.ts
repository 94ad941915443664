import { type EndpointSocket, parseEndpointSocket } from '../spiffe/endpoint-socket.ts'
import { EndpointUnknownError } from './errors.ts'

/**
 * Finds the Workload API: the given address, else `SPIFFE_ENDPOINT_SOCKET` (Workload Endpoint §4).
 * @throws EndpointUnknownError | InvalidEndpointSocketError
 */
export function findEndpoint(address: string | undefined): EndpointSocket {
  const uri = address ?? (process.env['SPIFFE_ENDPOINT_SOCKET'] || undefined)
  if (uri === undefined) {
    throw new EndpointUnknownError(
      'set SPIFFE_ENDPOINT_SOCKET, for instance to unix:///run/signet/agent.sock',
    )
  }
  return parseEndpointSocket(uri)
}

export function formatEndpoint(endpoint: EndpointSocket): string {
  return 'path' in endpoint ? `unix://${endpoint.path}` : `tcp://${endpoint.host}:${endpoint.port}`
}
