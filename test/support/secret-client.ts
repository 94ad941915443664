import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import * as grpc from '@grpc/grpc-js'
import * as protoLoader from '@grpc/proto-loader'
import { type Message, WorkloadStream } from './workload-client.ts'

/**
 * An SDS client that shares no code with Signet: plain grpc-js and the published protocol. It sends
 * nothing by itself.
 */

const TYPES = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
export const SECRET_TYPE_URL = `${TYPES}.Secret`
const VALIDATOR_TYPE_URL = `${TYPES}.SPIFFECertValidatorConfig`

const definition = protoLoader.loadSync(
  [
    'envoy/service/secret/v3/sds.proto',
    'envoy/extensions/transport_sockets/tls/v3/secret.proto',
    'envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.proto',
  ],
  { includeDirs: [path.resolve(import.meta.dirname, '../../proto')], defaults: true, oneofs: true },
)
const envoy = grpc.loadPackageDefinition(definition)['envoy'] as grpc.GrpcObject

/** Looks up a name in nested packages. */
function lookUp(...names: string[]): unknown {
  return names.reduce<unknown>((found, name) => (found as grpc.GrpcObject)[name], envoy)
}

interface Decodable {
  deserialize(bytes: Buffer): Message
}

function decode(type: string, bytes: Buffer): Message {
  const name = `envoy.extensions.transport_sockets.tls.v3.${type}`
  return (definition[name] as unknown as Decodable).deserialize(bytes)
}

/** A decoded secret. */
interface ReadSecret {
  readonly name: string
  readonly version: string
  /** PEM. */
  readonly chain?: string
  readonly key?: string
  readonly trustedCa?: string
  /** PEM by trust domain. */
  readonly trustDomains?: Readonly<Record<string, string>>
}

export function readSecret(any: Message, version = ''): ReadSecret {
  if (any.type_url !== SECRET_TYPE_URL) throw new TypeError(`not a secret: ${any.type_url}`)
  const secret = decode('Secret', any.value)
  const read = { name: secret.name as string, version }
  if (secret.type === 'tlsCertificate') {
    const { certificateChain, privateKey } = secret.tlsCertificate
    return { ...read, chain: `${certificateChain.inlineBytes}`, key: `${privateKey.inlineBytes}` }
  }
  const { trustedCa, customValidatorConfig } = secret.validationContext
  if (customValidatorConfig === null) return { ...read, trustedCa: `${trustedCa.inlineBytes}` }
  const { name, typedConfig } = customValidatorConfig
  if (name !== 'envoy.tls.cert_validator.spiffe' || typedConfig.type_url !== VALIDATOR_TYPE_URL) {
    throw new TypeError(`not the SPIFFE validator: ${name} ${typedConfig.type_url}`)
  }
  const { trustDomains } = decode('SPIFFECertValidatorConfig', typedConfig.value)
  const entries = trustDomains.map((each: Message) => [each.name, `${each.trustBundle.inlineBytes}`])
  return { ...read, trustDomains: Object.fromEntries(entries) }
}

/** The status of a fetch by a caller without an identity, and of one before the first sync. */
const NOTHING_TO_GIVE = [grpc.status.PERMISSION_DENIED, grpc.status.UNAVAILABLE]

export class SecretClient implements Disposable {
  readonly #sent: Readonly<Record<string, string>>
  readonly #client: grpc.Client

  /** `metadata` is sent with every request. */
  constructor(
    socketPath: string,
    options: grpc.ChannelOptions = {},
    metadata: Readonly<Record<string, string>> = {},
  ) {
    this.#sent = metadata
    const Service = lookUp('service', 'secret', 'v3', 'SecretDiscoveryService')
    this.#client = new (Service as grpc.ServiceClientConstructor)(
      `unix:${socketPath}`,
      grpc.credentials.createInsecure(),
      { 'grpc.use_local_subchannel_pool': 1, ...options },
    )
  }

  /** Opens a state-of-the-world stream and requests these names. */
  stream(names: readonly string[], more: object = {}): SecretStreamClient {
    const stream = this.open('StreamSecrets')
    stream.send({ resourceNames: names, typeUrl: SECRET_TYPE_URL, ...more })
    return stream
  }

  delta(subscribe: readonly string[], more: object = {}): SecretStreamClient {
    const stream = this.open('DeltaSecrets')
    stream.send({ resourceNamesSubscribe: subscribe, typeUrl: SECRET_TYPE_URL, ...more })
    return stream
  }

  open(method: 'StreamSecrets' | 'DeltaSecrets', options: grpc.CallOptions = {}): SecretStreamClient {
    return new SecretStreamClient(this.#method(method)(this.#metadata(), options))
  }

  fetch(names: readonly string[], more: object = {}): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    this.#method('FetchSecrets')(
      { resourceNames: names, ...more },
      this.#metadata(),
      (error: unknown, response: Message) => (error ? reject(error) : resolve(response)),
    )
    return promise
  }

  /**
   * Resolves when all responses to past events have been sent, so that a response which has not
   * arrived will not come.
   */
  async settle(): Promise<void> {
    for (let times = 0; times < 3; times += 1) {
      const [answer] = await Promise.allSettled([this.fetch(['ROOTCA'])])
      if (answer.status === 'rejected') assert.ok(NOTHING_TO_GIVE.includes(answer.reason.code), answer.reason)
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }

  #metadata(): grpc.Metadata {
    const metadata = new grpc.Metadata()
    for (const [name, value] of Object.entries(this.#sent)) metadata.set(name, value)
    return metadata
  }

  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes the methods at run time
  #method(name: string): (...args: any[]) => any {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const methods = this.#client as any
    return methods[name].bind(methods)
  }
}

/** One stream. Tests send all requests themselves. */
export class SecretStreamClient extends WorkloadStream {
  readonly call: grpc.ClientDuplexStream<object, Message>

  constructor(call: grpc.ClientDuplexStream<object, Message>) {
    super(call)
    this.call = call
  }

  send(request: object): void {
    this.call.write(request)
  }

  /** Returns the secrets of the next response. */
  async secrets(): Promise<readonly ReadSecret[]> {
    return secretsOf(await this.next())
  }
}

export function secretsOf(response: Message): readonly ReadSecret[] {
  return response.resources.map((each: Message) =>
    each.resource ? readSecret(each.resource, each.version) : readSecret(each, response.versionInfo),
  )
}

export function namesOf(secrets: readonly ReadSecret[]): string[] {
  return secrets.map(({ name }) => name)
}

export function leafOf(secret: ReadSecret | undefined): X509Certificate {
  return new X509Certificate(secret?.chain ?? '')
}

/** The request that acknowledges a state-of-the-world response. */
export function ack(response: Message, names: readonly string[]): object {
  const { versionInfo, nonce: responseNonce, typeUrl } = response
  return { versionInfo, responseNonce, typeUrl, resourceNames: names }
}

/** The request that rejects it. */
export function nack(response: Message, names: readonly string[], message: string): object {
  return { ...ack(response, names), versionInfo: '', errorDetail: { code: 3, message } }
}
