import { isIP } from 'node:net'
import type { EnvoyAddress, EnvoyInbound, EnvoyOutbound, EnvoySidecar } from './sidecar.ts'
import { TlsContexts } from './tls-context.ts'

const FILTERS = 'type.googleapis.com/envoy.extensions.filters'
/** gRPC sends this name as `:authority`. */
const AGENT_CLUSTER = 'signet_agent'

/** Builds the bootstrap configuration of an Envoy, as JSON. */
export function envoyBootstrap(sidecar: EnvoySidecar): object {
  const { service, admin, inbound, outbound, tcp } = sidecar
  const tls = new TlsContexts(sidecar, AGENT_CLUSTER)
  return {
    node: { id: service, cluster: service },
    ...(admin ? { admin: { address: addressOf(admin) } } : {}),
    static_resources: {
      listeners: [
        ...(inbound ? [inboundListener(inbound, tls, tcp)] : []),
        ...(outbound ? [outboundListener(outbound, tcp)] : []),
      ],
      clusters: [
        ...(inbound ? [cluster('app', inbound.app, keepsProtocol(tcp))] : []),
        ...(outbound
          ? [
              cluster('upstream', outbound.address, {
                ...keepsProtocol(tcp),
                transport_socket: tls.upstream(outbound.upstream),
              }),
            ]
          : []),
        cluster(
          AGENT_CLUSTER,
          { path: sidecar.agentSocket },
          protocolOptions({ explicit_http_config: { http2_protocol_options: {} } }),
        ),
      ],
    },
  }
}

function inboundListener({ listen, callers }: EnvoyInbound, tls: TlsContexts, tcp: boolean): object {
  const tellsWhoCalls = {
    forward_client_cert_details: 'SANITIZE_SET',
    set_current_client_cert_details: { uri: true },
  }
  return {
    name: 'inbound',
    address: addressOf(listen),
    filter_chains: [
      {
        transport_socket: tls.downstream(callers),
        filters: [tcp ? tcpProxy('inbound', 'app') : httpProxy('inbound', 'app', tellsWhoCalls)],
      },
    ],
  }
}

function outboundListener({ listen }: EnvoyOutbound, tcp: boolean): object {
  const filter = tcp ? tcpProxy('outbound', 'upstream') : httpProxy('outbound', 'upstream')
  return { name: 'outbound', address: addressOf(listen), filter_chains: [{ filters: [filter] }] }
}

function tcpProxy(name: string, to: string): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${FILTERS}.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: name,
      cluster: to,
    },
  }
}

function httpProxy(name: string, to: string, more: object = {}): object {
  const route = { match: { prefix: '/' }, route: { cluster: to, timeout: '0s' } }
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: name,
      ...more,
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      stream_idle_timeout: '0s',
      route_config: { virtual_hosts: [{ name: to, domains: ['*'], routes: [route] }] },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${FILTERS}.http.router.v3.Router` },
        },
      ],
    },
  }
}

function cluster(name: string, address: EnvoyAddress, more: object): object {
  const isName = 'host' in address && isIP(address.host) === 0
  return {
    name,
    type: isName ? 'STRICT_DNS' : 'STATIC',
    ...more,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(address) } }] }],
    },
  }
}

/** Forwards HTTP/2 as HTTP/2 and HTTP/1.1 as HTTP/1.1, so that the program decides, not the proxy. */
function keepsProtocol(tcp: boolean): object {
  const both = { http_protocol_options: {}, http2_protocol_options: {} }
  return tcp ? {} : protocolOptions({ use_downstream_protocol_config: both })
}

function protocolOptions(options: object): object {
  return {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        ...options,
      },
    },
  }
}

function addressOf(address: EnvoyAddress): object {
  if ('path' in address) return { pipe: { path: address.path } }
  return { socket_address: { address: address.host, port_value: address.port } }
}
