import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeMessage } from '../../../src/rpc/services.ts'
import { callHeaders, END_HEADERS, END_STREAM, frame, TYPE } from '../../support/frames.ts'
import { until } from '../../support/patience.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { RpcStack } from '../../support/rpc-stack.ts'

/** The PINGs of clients that mean well. A GOAWAY with `too_many_pings` would end their streams. */

const SDS = 'envoy.service.secret.v3.SecretDiscoveryService'
const HOUR_MS = 3_600_000
const PING = frame(TYPE.ping, 0, 0, Buffer.alloc(8))
const snapshot = encodeMessage('X509SVIDResponse', { svids: [{ x509Svid: Buffer.alloc(2_000) }] })

type Push = (message: Buffer) => void
interface Quiet extends AsyncDisposable {
  readonly stack: RpcStack
  readonly connection: RawConnection
  readonly push: Push
}
type Shape = 'watch' | 'conversation'

/** A connection with one open stream, whose client has said everything, or may say more. */
async function quiet(shape: Shape = 'watch'): Promise<Quiet> {
  const { promise, resolve } = Promise.withResolvers<Push>()
  const opened = (sink: { send: Push }): Disposable => {
    resolve((message) => sink.send(message))
    return { [Symbol.dispose]: () => {} }
  }
  const silent = { onRequest: () => {}, onWritable: () => {}, onHalfClose: () => {} }
  const stack =
    shape === 'watch'
      ? await RpcStack.start({
          handlers: { FetchX509SVID: { push: (_peer, _request, sink) => opened(sink) } },
        })
      : await RpcStack.start({
          service: SDS,
          handlers: { StreamSecrets: { duplex: (_peer, sink) => ({ ...silent, ...opened(sink) }) } },
        })
  const path = shape === 'watch' ? '/SpiffeWorkloadAPI/FetchX509SVID' : `/${SDS}/StreamSecrets`
  const connection = await RawConnection.greeted(stack.socketPath)
  connection.send(
    frame(TYPE.headers, END_HEADERS, 1, callHeaders(path)),
    frame(TYPE.data, shape === 'watch' ? END_STREAM : 0, 1, Buffer.alloc(5)),
  )
  const push = await promise
  return {
    stack,
    connection,
    push,
    [Symbol.asyncDispose]: async () => {
      connection[Symbol.dispose]()
      await stack[Symbol.asyncDispose]()
    },
  }
}

const pongs = ({ frames }: RawConnection): number =>
  frames.filter(({ type, flags }) => type === TYPE.ping && flags === 1).length
const hasEnded = ({ frames }: RawConnection): boolean =>
  frames.some(({ type }) => type === TYPE.goaway || type === TYPE.reset)

describe('a quiet stream', () => {
  for (const shape of ['watch', 'conversation'] as const) {
    it(`of a ${shape} stays open for an hour of PINGs every 10 s, as C-core sends them, and what is pushed then arrives`, async () => {
      await using open = await quiet(shape)
      const { stack, connection, push } = open
      for (let ms = 0; ms < HOUR_MS; ms += 10_000) {
        const before = pongs(connection)
        connection.send(PING)
        await until(() => pongs(connection) > before)
        stack.clock.advance(10_000)
      }
      push(snapshot)
      await connection.hears(({ type }) => type === TYPE.data)
      assert.ok(!hasEnded(connection))
    })

    it(`of a ${shape} stays open without a PING of its client, as long as that answers those of the server`, async () => {
      await using open = await quiet(shape)
      const { stack, connection, push } = open
      const asked = (): number =>
        connection.frames.filter(({ type, flags }) => type === TYPE.ping && flags === 0).length
      for (let n = 1; n <= 30; n++) {
        while (asked() < n) {
          stack.clock.advance(10_000)
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        await connection.answers() // so that the answer to the PING has come as well
      }
      push(snapshot)
      await connection.hears(({ type }) => type === TYPE.data)
    })
  }

  it('may be measured by a PING for each message, as grpc-go does, however fast they come', async () => {
    await using open = await quiet()
    const { connection, push } = open
    connection.send(
      frame(TYPE.window, 0, 0, Buffer.from([0x7f, 0, 0, 0])),
      frame(TYPE.window, 0, 1, Buffer.from([0x7f, 0, 0, 0])),
    )
    for (let n = 1; n <= 3_000; n++) {
      const { length } = connection.frames
      push(snapshot)
      await connection.hears(() => connection.frames.length > length)
      connection.send(PING)
    }
    await until(() => pongs(connection) === 3_000)
    assert.ok(!hasEnded(connection))
    push(snapshot)
  })

  it('may be measured by a burst of PINGs between two calls', async () => {
    await using open = await quiet()
    const { connection } = open
    for (let burst = 1; burst <= 10; burst++) {
      connection.send(...Array.from({ length: 500 }, () => PING))
      await until(() => pongs(connection) === 500 * burst)
    }
    assert.ok(!hasEnded(connection))
  })

  it('is closed only when PINGs come faster than any client sends them', async () => {
    await using open = await quiet()
    const { connection, stack } = open
    const burst = Buffer.concat(Array.from({ length: 500 }, () => PING))
    await connection.flood(() => burst, Number.POSITIVE_INFINITY)
    await connection.closed
    assert.equal(stack.server.openStreams, 0)
  })
})
