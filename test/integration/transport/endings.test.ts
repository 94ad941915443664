import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { after, before, beforeEach, describe, it } from 'node:test'
import { SERVED, streams } from '../../support/agent-methods.ts'
import { callHeaders, END_HEADERS, END_STREAM, frame, settings, TYPE } from '../../support/frames.ts'
import { RawConnection, type ReceivedFrame } from '../../support/raw-connection.ts'
import { Stack } from '../../support/stack.ts'

/**
 * How an agent that stops ends open streams. grpc-go, grpc-js and C-core read the trailers. So does
 * Connect, which reports CANCELLED, a final status, when there are none. All of them reconnect after
 * GOAWAY 0.
 */

const STREAMS = streams(SERVED)

/** Opens one stream of each method; the ids are those of `STREAMS`. */
async function openAll(connection: RawConnection): Promise<void> {
  for (const [n, { path, request, shape }] of STREAMS.entries()) {
    const id = 2 * n + 1
    connection.send(
      frame(TYPE.headers, END_HEADERS, id, callHeaders(path)),
      frame(TYPE.data, shape === 'watch' ? END_STREAM : 0, id, request),
    )
    await connection.hears(({ type, stream }) => type === TYPE.headers && stream === id)
  }
}

const goawayOf = (frames: readonly ReceivedFrame[]): number =>
  frames.findIndex(({ type }) => type === TYPE.goaway)

describe('an agent that stops', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.serving()
  })
  after(async () => stack?.[Symbol.asyncDispose]())
  beforeEach(async () => {
    if (!stack.agent.running) await stack.startAgent()
  })

  it('ends every stream by trailers first, then says GOAWAY without an error, then closes', async () => {
    using connection = await RawConnection.greeted(stack.socket)
    await openAll(connection)
    const before = connection.frames.length
    assert.equal(await stack.agent.stop(), 0)
    await connection.closed
    const after = connection.frames.slice(before)
    for (const [n, { shape }] of STREAMS.entries()) {
      const ends = after.filter(({ type, stream }) => type !== TYPE.data && stream === 2 * n + 1)
      const [trailers, reset, ...more] = ends
      assert.deepEqual([trailers?.type, trailers?.flags], [TYPE.headers, END_HEADERS | END_STREAM])
      // As servers of grpc-go and C-core tell a client that could go on that its stream is no more.
      if (shape === 'watch') assert.equal(reset, undefined)
      else
        assert.deepEqual(
          [reset?.type, reset?.payload.readUInt32BE()],
          [TYPE.reset, http2.constants.NGHTTP2_NO_ERROR],
        )
      assert.deepEqual(more, [])
    }
    const goaway = goawayOf(after)
    assert.ok(after.slice(goaway).every(({ stream }) => stream === 0))
    assert.equal(after[goaway]?.payload.readUInt32BE(4), http2.constants.NGHTTP2_NO_ERROR)
  })

  it('resets, as something to try again, the streams that its trailers cannot reach, and says GOAWAY after', async () => {
    using stuck = await RawConnection.greeted(stack.socket)
    stuck.send(frame(TYPE.settings, 0, 0, settings([4, 0])))
    await openAll(stuck)
    assert.equal(await stack.agent.stop(), 0)
    await stuck.closed
    const goaway = goawayOf(stuck.frames)
    for (const n of STREAMS.keys()) {
      const reset = stuck.frames.findIndex(({ type, stream }) => type === TYPE.reset && stream === 2 * n + 1)
      assert.ok(reset >= 0 && reset < goaway)
      assert.equal(stuck.frames[reset]?.payload.readUInt32BE(), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    }
    assert.equal(stuck.frames[goaway]?.payload.readUInt32BE(4), http2.constants.NGHTTP2_NO_ERROR)
  })

  it('stops as well when a peer reads nothing at all', async () => {
    using dead = await RawConnection.greeted(stack.socket)
    await openAll(dead)
    dead.socket.pause()
    const ping = frame(TYPE.ping, 0, 0, Buffer.alloc(8))
    dead.send(...Array.from({ length: 900 }, () => ping))
    assert.equal(await stack.agent.stop(), 0)
  })

  it('answers a call that comes while it stops by UNAVAILABLE, and none by silence', async () => {
    using connection = await RawConnection.greeted(stack.socket)
    connection.send(frame(TYPE.settings, 0, 0, settings([4, 0])))
    await openAll(connection) // keeps the connection open for a while
    const stopped = stack.agent.stop()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const [method] = SERVED
    assert.ok(method)
    const id = 2 * STREAMS.length + 1
    connection.send(
      frame(TYPE.headers, END_HEADERS, id, callHeaders(method.path)),
      frame(TYPE.data, END_STREAM, id, method.request),
    )
    const answer = await connection.hears(({ type, stream }) => type === TYPE.headers && stream === id)
    assert.equal(answer.flags, END_HEADERS | END_STREAM)
    assert.equal(await stopped, 0)
  })
})
