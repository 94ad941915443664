import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  callHeadersTo,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  GREETING,
  message,
  settings,
  TYPE,
  words,
} from '../../support/frames.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0
const PATHS = [
  '/SpiffeWorkloadAPI/FetchX509SVID',
  '/SpiffeWorkloadAPI/FetchJWTBundles',
  '/SpiffeWorkloadAPI/FetchJWTSVID',
  '/grpc.health.v1.Health/Check',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/none',
]
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const SEED = 0x5157
const ROUNDS = 500
const AT_A_TIME = 20
const CUTS = 2_000

/** Numbers that are the same in each run (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** A session as a client would lead it, with steps in it that no client would take. */
function sequence(random: (below: number) => number, authority: Buffer): Buffer {
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T
  const trailers = Buffer.concat([field('a', 'b'.repeat(40)), field('c', 'd', true)])
  const frames: Buffer[] = [GREETING]
  const headers = (): Buffer => callHeadersTo([authority], pick(PATHS))
  let last = -1
  const steps: (() => void)[] = [
    () => {
      last += 2
      const flags = END_HEADERS | (random(4) === 0 ? END_STREAM : 0)
      frames.push(frame(TYPE.headers, flags, last, headers()))
    },
    () => frames.push(frame(TYPE.data, random(2), Math.max(1, last), message(Buffer.alloc(random(3))))),
    () => frames.push(frame(TYPE.data, END_STREAM, 1 + 2 * random(5), message())),
    () => frames.push(frame(TYPE.reset, 0, 1 + 2 * random(5), words(random(14)))),
    () => frames.push(frame(TYPE.headers, pick([0, 1, 4, 5]), 1 + 2 * random(5), trailers)),
    () => frames.push(frame(TYPE.continuation, pick([0, END_HEADERS]), Math.max(1, last), trailers)),
    () => frames.push(frame(TYPE.settings, 0, 0, settings([random(8), random(2 ** 31)], [4, random(3)]))),
    () => frames.push(frame(TYPE.settings, 1, 0)),
    () => frames.push(frame(TYPE.window, 0, random(2) * Math.max(1, last), words(random(2 ** 31)))),
    () => frames.push(frame(TYPE.priority, 0, Math.max(1, last), Buffer.concat([words(1), Buffer.of(5)]))),
    () => frames.push(frame(TYPE.goaway, 0, 0, words(0, random(4)))),
    () => frames.push(frame(TYPE.ping, random(2), 0, Buffer.alloc(8))),
    () => frames.push(frame(random(256), random(256), random(10), Buffer.alloc(random(30), random(256)))),
  ]
  frames.push(frame(TYPE.headers, END_HEADERS, 1, headers()))
  last = 1
  for (let left = random(12); left > 0; left--) pick(random(3) === 0 ? steps : steps.slice(0, 9))()
  const bytes = Buffer.concat(frames)
  for (let flips = random(3); flips > 0; flips--)
    bytes[GREETING.length + random(bytes.length - 33)] = random(256)
  return random(2) === 0 ? bytes : bytes.subarray(0, GREETING.length + random(bytes.length - 33))
}

describe('HTTP/2 that no client would speak', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({
      resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}`,
      agentYaml: 'metrics: { listen: 127.0.0.1:0 }\n',
    })
    await stack.agent.says('"event":"status.listening"')
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  async function connected(): Promise<net.Socket> {
    const socket = net.connect(stack.socket)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }

  async function serves(): Promise<void> {
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
    assert.ok(stack.agent.running)
  }

  const descriptors = async (): Promise<number> => (await readdir(`/proc/${stack.agent.pid}/fd`)).length

  for (const authority of ['a', '/run/a.sock']) {
    it(`the agent outlives peers that cut off their trailers before they read the answers, as ${authority}`, async () => {
      const symbol = 'SpiffeWorkloadAPI'
      const asked = message(Buffer.concat([Buffer.of(0x22, symbol.length), Buffer.from(symbol)]))
      const frames: Buffer[] = [GREETING, frame(TYPE.settings, 0, 0, settings([4, 0x7fffffff]))]
      frames.push(frame(TYPE.window, 0, 0, words(0x7ffe0000)))
      for (let id = 1; id < 190; id += 2) {
        frames.push(
          frame(TYPE.headers, END_HEADERS, id, callHeadersTo([field(':authority', authority)], REFLECTION)),
          frame(TYPE.data, 0, id, asked),
        )
      }
      frames.push(frame(TYPE.headers, END_STREAM, 1, field('trailer', 'v'.repeat(40)))) // and never its end
      const bytes = Buffer.concat(frames)
      for (let n = 0; n < 60; n++) {
        const socket = await connected()
        socket.pause()
        socket.write(bytes)
        await sleep(15) // the answers fill the socket meanwhile
        socket.destroy()
      }
      await serves()
    })
  }

  it('the agent outlives mutated sessions that are cut at any byte', async () => {
    const random = seeded(SEED)
    for (let round = 0; round < ROUNDS; round += AT_A_TIME) {
      const sequences = Array.from({ length: AT_A_TIME }, (_, n) => {
        // Half of them are rewritten on their way.
        const authority = field(':authority', n % 8 < 4 ? 'a' : '/run/a.sock', n % 3 === 0)
        return { bytes: sequence(random, authority), ms: random(6) }
      })
      await Promise.all(
        sequences.map(async ({ bytes, ms }, n) => {
          const socket = await connected()
          if (n % 2 === 0) socket.resume()
          const half = n % 4 < 2 ? 0 : bytes.length >> 1
          socket.write(bytes.subarray(0, half))
          await sleep(1)
          socket.write(bytes.subarray(half))
          await sleep(ms)
          socket.destroy()
        }),
      )
    }
    await serves()
  })

  it('nothing is left of thousands of connections that were cut', { timeout: 60_000 }, async () => {
    const before = await descriptors()
    const calls = ['a', '/run/a.sock'].map((authority) =>
      Buffer.concat([
        GREETING,
        frame(
          TYPE.headers,
          END_HEADERS,
          1,
          callHeadersTo([field(':authority', authority)], PATHS[0] as string),
        ),
        frame(TYPE.data, END_STREAM, 1, message()),
      ]),
    )
    for (let n = 0; n < CUTS; n += AT_A_TIME) {
      await Promise.all(
        Array.from({ length: AT_A_TIME }, async (_, i) => {
          const socket = await connected()
          const call = calls[(i >> 2) & 1] as Buffer
          socket.write(call.subarray(0, (i & 3) === 0 ? call.length : ((n + i) * 7) % call.length))
          if (i % 2 === 0) await sleep(1)
          socket.destroy()
        }),
      )
    }
    while ((await descriptors()) > before) await sleep(20)
    await serves()
    const port = /"event":"status.listening","address":"[^"]*:(\d+)"/.exec(stack.agent.log)?.[1]
    const open = async (): Promise<string[]> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      return text.split('\n').filter((line) => /^signet_(?:streams|connections)_open/.test(line))
    }
    assert.ok((await open()).length > 0)
    while ((await open()).some((line) => !line.endsWith(' 0'))) await sleep(20)
  })
})
