import type { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { EnvoySidecar } from './sidecar.ts'

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
/** Secret with all bundles that the caller may have. */
const ALL_BUNDLES = 'ALL'
/** Envoy's default would wait up to half a minute after the agent is back. */
const BACK_SOON = { retry_back_off: { base_interval: '0.25s', max_interval: '5s' } }
/**
 * The header of every request to a SPIFFE Workload Endpoint (§3). A client that was tricked into
 * connecting does not send it.
 */
const SECURITY_HEADER = { key: 'workload.spiffe.io', value: 'true' }

/** The TLS settings of both ends of a connection. Certificates and trusted bundles come by SDS. */
export class TlsContexts {
  readonly #certificate: string
  readonly #isTcp: boolean
  readonly #sds: object

  constructor({ certificate, tcp, delta }: EnvoySidecar, agentCluster: string) {
    this.#certificate = certificate
    this.#isTcp = tcp
    this.#sds = {
      resource_api_version: 'V3',
      initial_fetch_timeout: '0s',
      api_config_source: {
        api_type: delta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: { cluster_name: agentCluster, retry_policy: BACK_SOON },
            initial_metadata: [SECURITY_HEADER],
          },
        ],
      },
    }
  }

  /** For a listener that accepts only these callers. */
  downstream(callers: readonly SpiffeId[]): object {
    return socketOf({
      '@type': `${TLS}.DownstreamTlsContext`,
      require_client_certificate: true,
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3' },
        ...(this.#isTcp ? {} : { alpn_protocols: ['h2', 'http/1.1'] }),
        ...this.#secrets(callers),
      },
    })
  }

  /** For a cluster whose endpoints must all have this SPIFFE ID. */
  upstream(id: SpiffeId): object {
    return socketOf({
      '@type': `${TLS}.UpstreamTlsContext`,
      max_session_keys: 0,
      common_tls_context: {
        tls_params: {
          tls_minimum_protocol_version: 'TLSv1_3',
          tls_maximum_protocol_version: 'TLSv1_3',
        },
        ...this.#secrets([id]),
      },
    })
  }

  #secrets(peers: readonly SpiffeId[]): object {
    const [trustDomain, another] = new Set(peers.map((id) => id.trustDomain))
    const bundle = another === undefined ? `spiffe://${trustDomain}` : ALL_BUNDLES
    return {
      tls_certificate_sds_secret_configs: [{ name: this.#certificate, sds_config: this.#sds }],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: peers.map((id) => ({
            san_type: 'URI',
            matcher: { exact: String(id) },
          })),
        },
        validation_context_sds_secret_config: { name: bundle, sds_config: this.#sds },
      },
    }
  }
}

function socketOf(context: object): object {
  return { name: 'envoy.transport_sockets.tls', typed_config: context }
}
