import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentMethod, SERVED } from '../../support/agent-methods.ts'
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  settings,
  TYPE,
  words,
} from '../../support/frames.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { residentBytes } from '../../support/resident-bytes.ts'
import { identityFor, Stack } from '../../support/stack.ts'
import type { WorkloadClient, WorkloadStream } from '../../support/workload-client.ts'

/** Peers that send without end what costs them little. */

const UID = process.getuid?.() ?? 0
const MIB = 1024 * 1024
/** What a session of HTTP/2 may hold, and the garbage of what it let go. */
const MAX_GROWTH = 96 * MIB
/** Enough to be seen if it were kept. */
const MAX_SENT = 2 * MAX_GROWTH
const AT_A_TIME = 500
/** Between two rounds of what the others ask for. */
const PAUSE_MS = 20
/** A flood is cut after a few seconds; the machine may have other things to do. */
const PATIENCE_MS = 60_000
const NOTHING = Buffer.alloc(0)
const CANCEL = words(8)

/** The frames that a flood sends next, about `AT_A_TIME` of them. `from` is the first unused stream ID. */
interface Flood {
  readonly first?: (method: AgentMethod) => Buffer
  readonly next: (method: AgentMethod, from: number) => Buffer
}

const many = (make: (n: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: AT_A_TIME }, (_, n) => make(n)))
const always = (make: (n: number) => Buffer): Flood['next'] => {
  let bytes: Buffer | undefined
  return () => (bytes ??= many(make))
}
const opened = ({ path }: AgentMethod, id: number, flags = END_HEADERS): Buffer =>
  frame(TYPE.headers, flags, id, callHeaders(path))
const asked = (method: AgentMethod, id: number): Buffer =>
  Buffer.concat([opened(method, id), frame(TYPE.data, END_STREAM, id, method.request)])

const FLOODS: Readonly<Record<string, Flood>> = {
  'calls that it resets at once': {
    next: (method, from) =>
      many((n) => Buffer.concat([asked(method, from + 2 * n), frame(TYPE.reset, 0, from + 2 * n, CANCEL)])),
  },
  'calls that it makes the agent reset': {
    next: (method, from) =>
      many((n) =>
        Buffer.concat([opened(method, from + 2 * n), frame(TYPE.window, 0, from + 2 * n, words(0))]),
      ),
  },
  SETTINGS: { next: always(() => frame(TYPE.settings, 0, 0)) },
  'SETTINGS that change the table of HPACK': {
    next: always((n) => frame(TYPE.settings, 0, 0, settings([1, (n % 2) * 0xffffffff]))),
  },
  PING: { next: always(() => frame(TYPE.ping, 0, 0, Buffer.alloc(8))) },
  'empty CONTINUATION': {
    first: (method) => opened(method, 1, 0),
    next: always(() => frame(TYPE.continuation, 0, 1, NOTHING)),
  },
  'CONTINUATION with more and more headers': {
    first: (method) => opened(method, 1, 0),
    next: always((n) => frame(TYPE.continuation, 0, 1, field(`x-${n}`, 'y'.repeat(500)))),
  },
  'a bomb of HPACK in each call': {
    first: (method) =>
      Buffer.concat([
        frame(TYPE.headers, END_HEADERS, 1, callHeaders(method.path, field('bomb', 'b'.repeat(4_000), true))),
      ]),
    next: (method, from) =>
      many((n) =>
        frame(
          TYPE.headers,
          END_HEADERS | END_STREAM,
          from + 2 + 2 * n,
          Buffer.concat([callHeaders(method.path), Buffer.alloc(12_000, 0xbe)]),
        ),
      ),
  },
  'empty DATA': { first: (method) => opened(method, 1), next: always(() => frame(TYPE.data, 0, 1, NOTHING)) },
  'DATA on a stream that is over': {
    first: (method) => asked(method, 1),
    next: always(() => frame(TYPE.data, 0, 1, Buffer.alloc(100))),
  },
  WINDOW_UPDATE: { next: always(() => frame(TYPE.window, 0, 0, words(1))) },
  'WINDOW_UPDATE of streams that are over': {
    first: (method) => Buffer.concat([opened(method, 1), frame(TYPE.reset, 0, 1, CANCEL)]),
    next: always(() => frame(TYPE.window, 0, 1, words(1))),
  },
  PRIORITY: {
    next: always((n) => frame(TYPE.priority, 0, 2 * n + 1, Buffer.concat([words(0), Buffer.of(16)]))),
  },
  'frames of an unknown type': {
    next: always((n) => frame(0xe0 + (n % 16), n % 256, n % 3, Buffer.alloc(n % 50))),
  },
  GOAWAY: { next: always(() => frame(TYPE.goaway, 0, 0, words(0, 0))) },
  PUSH_PROMISE: { next: always(() => frame(TYPE.push, END_HEADERS, 1, words(2))) },
  'DATA of the longest padding': {
    first: (method) => opened(method, 1),
    next: always(() => frame(TYPE.data, 8, 1, Buffer.concat([Buffer.of(255), Buffer.alloc(255)]))),
  },
}

describe('a flood of', () => {
  let stack: Stack
  let client: WorkloadClient
  let watch: WorkloadStream
  before(async () => {
    stack = await Stack.serving()
    client = stack.client()
    watch = client.stream('FetchX509SVID', {}, { deadlineMs: Object.keys(FLOODS).length * PATIENCE_MS })
    await watch.next()
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  for (const [what, { first, next }] of Object.entries(FLOODS)) {
    it(`${what} is cut off within bounded memory, and the others are served meanwhile`, async () => {
      const before = await residentBytes(stack.agent.pid)
      const method = SERVED[0] as AgentMethod
      using connection = await RawConnection.greeted(stack.socket)
      if (first !== undefined) connection.send(first(method))
      let from = 1
      let most = 0
      const flooding = connection.flood(() => {
        from += 2 * AT_A_TIME
        return next(method, from - 2 * AT_A_TIME)
      }, MAX_SENT)
      while (!connection.socket.destroyed) {
        await client.unary('FetchJWTSVID', { audience: ['a'] }, { deadlineMs: PATIENCE_MS })
        using other = stack.client()
        await other.first('FetchX509SVID', {}, { deadlineMs: PATIENCE_MS })
        most = Math.max(most, (await residentBytes(stack.agent.pid)) - before)
        await Promise.race([connection.closed, sleep(PAUSE_MS)])
      }
      await flooding
      assert.ok(most < MAX_GROWTH, `${Math.round(most / MIB)} MiB`)
    })
  }

  it('every kind leaves a stream open that existed before, and changes reach it', async () => {
    await stack.apply(identityFor(UID, 'second'))
    await watch.until(({ svids }) => svids.length === 2)
  })
})
