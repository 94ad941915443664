import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:http2'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Seen } from './backend.ts'
import type { EnvoyProcess } from './envoy-process.ts'

const WORKERS = 2
const PAUSE_MS = 8
/** A request that takes longer has failed. */
const PATIENCE_MS = 10_000

/** Sends a request through both proxies. Rejects when the response is not the backend's. */
export async function ask(port: number, agent: Agent | false = false, headers = {}): Promise<Seen> {
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  const asked = request(
    { host: '127.0.0.1', port, path: '/hello', agent, timeout: PATIENCE_MS, headers },
    (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 200) resolve(JSON.parse(answer) as Seen)
        else reject(new Error(`${response.statusCode}: ${answer}`))
      }, reject)
    },
  )
  asked.on('timeout', () => asked.destroy(new Error(`no answer in ${PATIENCE_MS} ms`)))
  asked.on('error', reject).end()
  return promise
}

/** Does the same with HTTP/2 prior knowledge. */
export async function askByHttp2(port: number): Promise<Seen> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    const stream = session.request({ ':path': '/hello' }, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return JSON.parse(await text(stream)) as Seen
  } finally {
    session.destroy()
  }
}

/** Upgrades a connection, as a WebSocket does, sends these bytes and returns the reply. */
export async function echo(port: number, bytes: string): Promise<string> {
  const headers = { connection: 'upgrade', upgrade: 'websocket' }
  const asked = request({ host: '127.0.0.1', port, path: '/echo', agent: false, headers }).end()
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const [, socket, head] = (await once(asked, 'upgrade', { signal })) as [unknown, Duplex, Buffer]
  let back = head.toString('latin1')
  socket.write(bytes)
  while (back.length < bytes.length) back += String((await once(socket, 'data', { signal }))[0])
  socket.destroy()
  return back
}

/** Starts requests that continue while things change: on kept connections, and on a new one each. */
export async function steadyTraffic({
  admin,
}: EnvoyProcess): Promise<readonly [kept: Traffic, fresh: Traffic]> {
  return [
    new Traffic('connections kept', await admin.port('outbound'), true),
    new Traffic('a new one for each request', await admin.port('outbound-fresh'), false),
  ]
}

/** A steady stream of requests until it is stopped. */
class Traffic {
  readonly title: string
  sent = 0
  readonly failures: string[] = []
  /** SHA-256 of the certificates that the first proxy has presented. */
  readonly callers = new Set<string>()
  readonly #port: number
  readonly #agent: Agent | false
  readonly #running: Promise<unknown>
  #isStopped = false

  constructor(title: string, port: number, keepAlive: boolean) {
    this.title = title
    this.#port = port
    this.#agent = keepAlive && new Agent({ keepAlive: true, maxSockets: WORKERS })
    this.#running = Promise.all(Array.from({ length: WORKERS }, () => this.#work()))
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      this.sent += 1
      try {
        const { caller } = await ask(this.#port, this.#agent)
        this.callers.add(caller['Hash'] ?? '')
      } catch (error) {
        this.failures.push(`${new Date().toISOString()} ${(error as Error).message}`)
      }
      await sleep(PAUSE_MS)
    }
  }

  /** Waits for outstanding responses. Throws when a request failed or too few were sent. */
  async stop(least: number): Promise<this> {
    this.#isStopped = true
    await this.#running
    if (this.#agent) this.#agent.destroy()
    assert.deepEqual(this.failures, [])
    assert.ok(this.sent >= least, `only ${this.sent} were sent`)
    return this
  }

  toString(): string {
    return `${this.title}: ${this.sent} requests, ${this.failures.length} failed, ${this.callers.size} client certificates`
  }
}
