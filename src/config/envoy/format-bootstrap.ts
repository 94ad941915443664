import { Document, isMap, isNode, isScalar, type Node, visit } from 'yaml'

/** A collection that is shorter than this as JSON is written on one line. */
const FITS_ON_A_LINE = 80

/** What is said above a key where it stands first. */
const ABOVE_KEY: Readonly<Record<string, string>> = {
  admin:
    'Shows certificates (/certs) and counters (/stats?filter=sds), and can stop the proxy: for this host only.',
  disable_stateless_session_resumption:
    'A resumed session shows no certificate, and outlives the one it began with.',
  tls_certificate_sds_secret_configs:
    'The certificate to show: a SPIFFE ID, or `default`, the first identity that the agent has for this process.',
  initial_fetch_timeout:
    'Not ready before the agent has answered: with the secret or, if asked by delta, that there is none yet.',
  initial_metadata:
    'What the standard asks of every request; an agent with `sds.require_metadata` insists on it.',
  combined_validation_context:
    'Whom to believe: a chain of this trust domain, and then these IDs and no other.',
  forward_client_cert_details:
    'The program reads in x-forwarded-client-cert who calls; what callers put there is dropped.',
  stream_idle_timeout:
    'No time limit of its own, neither for a quiet stream nor, in the route, for an answer.',
  use_downstream_protocol_config: 'HTTP/1.1 stays HTTP/1.1, and HTTP/2 stays HTTP/2, gRPC included.',
  max_session_keys: 'No resumed sessions: every connection shows its certificates.',
}

/** What is said above the listener or the cluster of this name. */
const ABOVE_NAME: Readonly<Record<string, string>> = {
  inbound: 'From the network to the program: mutual TLS, for the callers named here and nobody else.',
  outbound: 'From the program to the other service. In the clear up to here, so for this host only.',
  app: 'The program that this proxy stands beside.',
  upstream: 'The other service: whoever answers there has to prove that it is the one named here.',
  signet_agent: 'The agent of this host. It hears from the kernel which process asks.',
}

/** The bootstrap as YAML, with a word on what is not plain. The heading stands above, line by line. */
export function formatEnvoyBootstrap(bootstrap: object, heading: readonly string[]): string {
  // Envoy reads older YAML, in which a service called `on` or `y` would be no text without quotes.
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
