import { Document, isMap, isNode, isScalar, type Node, visit } from 'yaml'

/** A collection that is shorter than this as JSON is written on one line. */
const FITS_ON_A_LINE = 80

/** The comment above the first occurrence of a key. */
const ABOVE_KEY: Readonly<Record<string, string>> = {
  admin:
    'Shows certificates (/certs) and counters (/stats?filter=sds), and can stop the proxy: local access only.',
  disable_stateless_session_resumption:
    'A resumed session presents no certificate and may outlive the original one.',
  tls_certificate_sds_secret_configs:
    'The certificate to present: a SPIFFE ID, or `default` for the first identity of this process.',
  initial_fetch_timeout:
    'The listener waits until the agent has answered. With delta the answer may be that there is no secret yet.',
  initial_metadata:
    'The header that SPIFFE demands of every request. An agent with `sds.require_metadata` enforces it.',
  combined_validation_context:
    'Accept only a certificate chain of this trust domain, and only these SPIFFE IDs.',
  forward_client_cert_details:
    'The program finds the caller in x-forwarded-client-cert. A header sent by the caller is dropped.',
  stream_idle_timeout:
    'The proxy adds no timeout: not for an idle stream, nor (in the route) for a response.',
  use_downstream_protocol_config: 'HTTP/1.1 stays HTTP/1.1, and HTTP/2 stays HTTP/2, gRPC included.',
  max_session_keys: 'No session resumption: every connection presents its certificates.',
}

/** The comment above the listener or cluster with this name. */
const ABOVE_NAME: Readonly<Record<string, string>> = {
  inbound: 'From the network to the program: mutual TLS, only for the callers named here.',
  outbound: 'From the program to the other service. The program connects without TLS: local access only.',
  app: 'The program that this proxy serves.',
  upstream: 'The other service. It must prove that it has the SPIFFE ID named here.',
  signet_agent: 'The agent of this host. The kernel tells it which process connects.',
}

/** Formats a bootstrap as YAML with comments. The lines of `heading` come first. */
export function formatEnvoyBootstrap(bootstrap: object, heading: readonly string[]): string {
  // Envoy reads YAML 1.1, in which an unquoted `on` or `y` is not a string.
  const document = new Document(bootstrap, { anchorPrefix: 'sds', compat: 'yaml-1.1' })
  document.commentBefore = heading.join('\n')
  if (isNode(document.contents)) layOut(document.contents)
  const commentString = (text: string): string => text.replaceAll(/^/gm, '# ')
  return document.toString({ lineWidth: 0, commentString })
}

function layOut(contents: Node): void {
  const said = new Set<string>()
  visit(contents, {
    Collection: (_key, node) => {
      if (isMap(node) && (node.has('filter_chains') || node.has('load_assignment'))) {
        node.commentBefore = ABOVE_NAME[String(node.get('name'))] ?? null
      }
      node.flow = node !== contents && JSON.stringify(node).length <= FITS_ON_A_LINE
    },
    Pair: (_key, { key }) => {
      const text = isScalar(key) ? ABOVE_KEY[String(key.value)] : undefined
      if (text === undefined || said.has(text) || !isScalar(key)) return
      said.add(text)
      key.commentBefore = text
    },
  })
}
