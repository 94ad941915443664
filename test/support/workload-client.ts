import path from 'node:path'
import * as grpc from '@grpc/grpc-js'
import * as protoLoader from '@grpc/proto-loader'

/**
 * A Workload API client that shares no code with Signet: plain grpc-js and the published protocol.
 * It can send wrong requests on purpose.
 */

const proto = path.resolve(import.meta.dirname, '../../proto')

let client: grpc.ServiceClientConstructor | undefined
function serviceClient(): grpc.ServiceClientConstructor {
  if (!client) {
    const definition = protoLoader.loadSync('spiffe/workload/workload.proto', {
      includeDirs: [proto],
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    })
    client = grpc.loadPackageDefinition(definition)['SpiffeWorkloadAPI'] as grpc.ServiceClientConstructor
  }
  return client
}

/** The gRPC status with which a call ended. */
export interface Ended {
  readonly code: grpc.status
  readonly details: string
}

// biome-ignore lint/suspicious/noExplicitAny: the tests look into messages as they came from the wire
export type Message = any

interface CallOptions {
  /** Default: `workload.spiffe.io: true`. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>
  readonly deadlineMs?: number
}

export class WorkloadClient implements Disposable {
  readonly #client: grpc.Client

  constructor(socketPath: string, options: grpc.ChannelOptions = {}) {
    this.#client = new (serviceClient())(`unix:${socketPath}`, grpc.credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    })
  }

  /** Makes a unary call. Rejects with an Error that has `code` and `details`. */
  unary(method: string, request: object, options: CallOptions = {}): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    this.#method(method)(
      request,
      metadataOf(options),
      callOptions(options),
      (error: unknown, response: Message) => (error ? reject(error) : resolve(response)),
    )
    return promise
  }

  stream(method: string, request: object = {}, options: CallOptions = {}): WorkloadStream {
    return new WorkloadStream(this.#method(method)(request, metadataOf(options), callOptions(options)))
  }

  /** Returns the first message of a stream and cancels it. */
  async first(method: string, request: object = {}, options: CallOptions = {}): Promise<Message> {
    using stream = this.stream(method, request, options)
    return await stream.next()
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }

  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes the methods at run time
  #method(name: string): (...args: any[]) => any {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const methods = this.#client as any
    return methods[name].bind(methods)
  }
}

/** A stream that is read message by message. `ended` is its status. */
export class WorkloadStream implements Disposable {
  readonly ended: Promise<Ended>
  readonly #call: grpc.ClientReadableStream<Message>
  readonly #messages: Message[] = []
  #waiting: (() => void) | undefined
  #end: Ended | undefined

  constructor(call: grpc.ClientReadableStream<Message>) {
    this.#call = call
    const { promise, resolve } = Promise.withResolvers<Ended>()
    this.ended = promise
    call.on('data', (message) => {
      this.#messages.push(message)
      this.#waiting?.()
    })
    call.on('error', () => undefined) // the status has the same information
    call.on('status', ({ code, details }: grpc.StatusObject) => {
      this.#end = { code, details }
      resolve(this.#end)
      this.#waiting?.()
    })
  }

  /** The number of received messages that were not read. */
  get waiting(): number {
    return this.#messages.length
  }

  /** Returns the next message. Rejects with the status when the stream ends first. */
  async next(): Promise<Message> {
    while (this.#messages.length === 0) {
      if (this.#end) throw Object.assign(new Error(this.#end.details), this.#end)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    return this.#messages.shift()
  }

  /** Reads until a message satisfies `wanted` and returns that message. */
  async until(wanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const message = await this.next()
      if (wanted(message)) return message
    }
  }

  [Symbol.dispose](): void {
    this.#call.cancel()
  }
}

function metadataOf({ metadata = { 'workload.spiffe.io': 'true' } }: CallOptions): grpc.Metadata {
  const result = new grpc.Metadata()
  for (const [key, values] of Object.entries(metadata)) {
    for (const value of typeof values === 'string' ? [values] : values) result.add(key, value)
  }
  return result
}

function callOptions({ deadlineMs = 15_000 }: CallOptions): grpc.CallOptions {
  return Number.isFinite(deadlineMs) ? { deadline: Date.now() + deadlineMs } : {}
}
