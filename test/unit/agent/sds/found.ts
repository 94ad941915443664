import type { FoundSecret } from '../../../../src/agent/sds/offer.ts'
import type { Secret } from '../../../../src/agent/sds/secret.ts'
import type { SecretResponse } from '../../../../src/agent/sds/subscription.ts'
import { decodeMessage } from '../../../../src/rpc/services.ts'

/** Predictable nonces for tests: n1, n2, … */
export function countNonces(): () => string {
  let made = 0
  return () => {
    made += 1
    return `n${made}`
  }
}

function secretOf(name: string, version = '1'): Secret {
  return {
    name,
    version: `${name}-${version}`,
    bytes: Buffer.from(`${name} ${version}`),
    delivered: undefined,
  }
}

/** The secrets that exist, with their versions; absent names; names that are being created. */
export function found(
  secrets: Readonly<Record<string, string>>,
  absent: readonly string[] = [],
  pending: readonly string[] = [],
): FoundSecret {
  return {
    secrets: Object.entries(secrets).map(([name, version]) => secretOf(name, version)),
    closed: [],
    absent: absent.map((name) => ({ name, reason: 'not_entitled' })),
    pending,
  }
}

interface Read {
  readonly names: readonly string[]
  readonly version: string
  readonly nonce: string
  readonly typeUrl: string
  readonly removed?: readonly string[]
}

/** Decodes a response; undefined when there was none. */
export function read(response: SecretResponse | undefined, isDelta = false): Read | undefined {
  if (response === undefined) return undefined
  const type = `envoy.service.discovery.v3.${isDelta ? 'Delta' : ''}DiscoveryResponse`
  // biome-ignore lint/suspicious/noExplicitAny: read as it came from the wire
  const message = decodeMessage(type, response.bytes) as any
  const { nonce, typeUrl } = message
  if (!isDelta) {
    const names = message.resources.map((any: { value: Buffer }) => any.value.toString())
    return { names, version: message.versionInfo, nonce, typeUrl }
  }
  const names = message.resources.map((each: { name: string; version: string }) => each.version)
  return { names, version: message.systemVersionInfo, nonce, typeUrl, removed: message.removedResources }
}
