import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import type { Handlers } from '../../src/rpc/handlers.ts'
import { pemChain } from '../../src/rpc/pem-chain.ts'
import { RpcServer } from '../../src/rpc/server.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { ControlPki } from '../support/control-pki.ts'
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  PREFACE,
  settings,
  TYPE,
  words,
} from '../support/frames.ts'
import { until } from '../support/patience.ts'
import { grpcFrame } from '../support/rpc-stack.ts'

const SERVICE = 'envoy.service.secret.v3.SecretDiscoveryService'
/** More than sockets hold. */
const ANSWER = Buffer.alloc(16 * 1024 * 1024)
const SHORT_ANSWER = Buffer.alloc(8)
const LARGE = 2 ** 31 - 2 ** 16
const INITIAL_WINDOW = 4
const ROUNDS = 12

const call = Buffer.concat([
  PREFACE,
  frame(TYPE.settings, 0, 0, settings([INITIAL_WINDOW, LARGE])),
  frame(TYPE.window, 0, 0, words(LARGE)),
  frame(TYPE.headers, END_HEADERS, 1, callHeaders(`/${SERVICE}/StreamSecrets`)),
  frame(TYPE.data, 0, 1, grpcFrame(encodeMessage('envoy.service.discovery.v3.DiscoveryRequest', {}))),
])
const isNoCall = Buffer.concat([
  PREFACE,
  frame(TYPE.settings, 0, 0),
  frame(TYPE.headers, END_HEADERS, 1, Buffer.concat([Buffer.of(0x83, 0x86, 0x84), field(':authority', 'a')])),
])
/** There is no END_HEADERS: more would have to come. */
const incompleteTrailers = frame(
  TYPE.headers,
  END_STREAM,
  1,
  Buffer.concat([field('x', 'y'.repeat(40)), field('z', 'y'.repeat(40))]),
)

type Open = (port: number, host: string) => net.Socket

/**
 * Without our protection each of these makes Node abort (test/fuzz/node-abort.js). Then no test of
 * this file is reported.
 */
describe('a peer that begins trailers and breaks the connection off', () => {
  let collect: () => void
  let server: tls.SecureContextOptions
  before(async () => {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
    const { chain, key } = await (await ControlPki.create()).server()
    server = { cert: pemChain(chain), key: key.export({ type: 'pkcs8', format: 'pem' }) }
  })
  const overTls: Open = (port, host) => tls.connect({ port, host, rejectUnauthorized: false })

  for (const [what, play, answer] of [
    ['while an answer waits for it', answered, ANSWER],
    ['after it has read all answers', answered, SHORT_ANSWER],
    ['of a request that is no call', noCall, SHORT_ANSWER],
  ] as const) {
    it(`${what} ends no server on a socket`, () =>
      survives(net.createServer(), 'connection', net.connect, play, answer))

    it(`${what} ends no server behind TLS`, () =>
      survives(tls.createServer(server), 'secureConnection', overTls, play, answer))
  }

  async function answered(socket: net.Socket, isAnswered: () => boolean): Promise<void> {
    socket.write(call)
    await until(isAnswered)
    socket.write(incompleteTrailers)
  }

  async function noCall(socket: net.Socket): Promise<void> {
    socket.write(Buffer.concat([isNoCall, incompleteTrailers]))
    await pause(10)
  }

  async function survives(
    listener: net.Server,
    accepted: string,
    open: Open,
    play: (socket: net.Socket, isAnswered: () => boolean) => Promise<void>,
    answer: Buffer,
  ): Promise<void> {
    let isAnswered = false
    let closed = 0
    await using rpc = new RpcServer<string>({
      clock: systemClock,
      logger: createLogger({ destination: { write: () => undefined } }),
      metrics: createMetrics(),
      maxStreamsPerConnection: 10,
      takesAnyAuthority: true,
    })
    const StreamSecrets = {
      exchange: () => {
        isAnswered = true
        return answer
      },
    }
    rpc.add(SERVICE, { StreamSecrets } as unknown as Handlers<string, typeof SERVICE>)
    listener.on(accepted, (socket: net.Socket) => {
      rpc.accept(socket, 'peer')
      socket.once('close', () => {
        closed += 1
        collect() // streams that were destroyed are not gone yet
      })
    })
    await using _closing = { [Symbol.asyncDispose]: async () => void listener.close() }
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as net.AddressInfo
    for (let round = 1; round <= ROUNDS; round++) {
      isAnswered = false
      const arrived = once(listener, accepted)
      const socket = open(port, '127.0.0.1')
      socket.on('error', () => undefined)
      await arrived
      await play(socket, () => isAnswered)
      await pause(10) // a turn or two of the server, whose reading nothing tells of
      socket.destroy() // with bytes unread: that resets
      await until(() => closed === round)
      collect()
    }
    assert.equal(rpc.openConnections, 0)
  }
})
