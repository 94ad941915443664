/** Adds listeners and clusters to a printed bootstrap that request other secrets. */

// biome-ignore lint/suspicious/noExplicitAny: a document of another program
export type Configuration = any

export interface Variant {
  /** Appended to the names `inbound`, `outbound` and `upstream`. */
  readonly name: string
  readonly certificate?: string
  readonly bundle?: string
  /** Port of the upstream. */
  readonly port?: number
  readonly requestsPerConnection?: number
  /** Without it the proxy is not ready until it has this secret. */
  readonly fetchTimeout?: string
}

const OURS = /^(?:inbound|outbound|upstream)$/

/** Adds a changed copy of the listeners and clusters for programs and peers. */
export function addVariant(configuration: Configuration, variant: Variant): void {
  const { static_resources: made } = configuration
  for (const kind of ['listeners', 'clusters']) {
    for (const original of made[kind].filter(({ name }: Configuration) => OURS.test(name))) {
      made[kind].push(changed(original, variant))
    }
  }
}

function changed(original: Configuration, variant: Variant): Configuration {
  const { name, certificate, bundle, port, requestsPerConnection, fetchTimeout } = variant
  return JSON.parse(JSON.stringify(original), (key, value: Configuration) => {
    switch (key) {
      case 'tls_certificate_sds_secret_configs':
        return certificate === undefined ? value : [{ ...value[0], name: certificate }]
      case 'validation_context_sds_secret_config':
        return bundle === undefined ? value : { ...value, name: bundle }
      case 'initial_fetch_timeout':
        return fetchTimeout ?? value
      case 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions':
        return requestsPerConnection === undefined || original.name !== 'upstream'
          ? value
          : { ...value, common_http_protocol_options: { max_requests_per_connection: requestsPerConnection } }
      case 'port_value':
        return port !== undefined && original.name === 'upstream' ? port : value
      case 'name':
      case 'cluster':
      case 'cluster_name':
      case 'stat_prefix':
        return OURS.test(value) ? `${value}-${name}` : value
      default:
        return value
    }
  })
}
