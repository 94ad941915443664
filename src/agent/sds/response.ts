import { encodeMessage } from '../../rpc/services.ts'
import { SECRET_TYPE_URL, type Secret, versionOf } from './secret.ts'
import type { SecretResponse } from './subscription.ts'

const DISCOVERY = 'envoy.service.discovery.v3'
const typeUrl = SECRET_TYPE_URL

/**
 * Encodes the field of one resource once for all responses that contain it: in protobuf,
 * concatenated encodings are one message.
 */
class ResourceFields {
  readonly #type: string
  readonly #resource: (secret: Secret, any: object) => object
  readonly #fields = new WeakMap<Secret, Buffer>()

  constructor(type: string, resource: (secret: Secret, any: object) => object) {
    this.#type = type
    this.#resource = resource
  }

  encode(secrets: readonly Secret[], rest: object): Buffer {
    return Buffer.concat([...secrets.map((each) => this.#of(each)), encodeMessage(this.#type, rest)])
  }

  #of(secret: Secret): Buffer {
    let field = this.#fields.get(secret)
    if (field === undefined) {
      const any = { type_url: typeUrl, value: secret.bytes }
      field = encodeMessage(this.#type, { resources: [this.#resource(secret, any)] })
      this.#fields.set(secret, field)
    }
    return field
  }
}

const whole = new ResourceFields(`${DISCOVERY}.DiscoveryResponse`, (_secret, any) => any)
const delta = new ResourceFields(`${DISCOVERY}.DeltaDiscoveryResponse`, ({ name, version }, resource) => ({
  name,
  version,
  resource,
}))

/** A state-of-the-world response with every requested secret that is available. */
export function wholeResponse(secrets: readonly Secret[], nonce: string): SecretResponse {
  const versionInfo = versionOf(secrets)
  return { bytes: whole.encode(secrets, { versionInfo, typeUrl, nonce }), secrets }
}

/** A delta response with what has changed. */
export function deltaResponse(
  secrets: readonly Secret[],
  removedResources: readonly string[],
  nonce: string,
): SecretResponse {
  const version = secrets.length > 0 ? { systemVersionInfo: versionOf(secrets) } : {}
  const rest = { ...version, typeUrl, nonce, removedResources }
  return { bytes: delta.encode(secrets, rest), secrets }
}
