import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PATHS, seeded, sequence } from '../../support/frame-sequences.ts'
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
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const SEED = 0x5157
const ROUNDS = 500
const AT_A_TIME = 20
const CUTS = 2_000

describe('invalid HTTP/2', () => {
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
    it(`does not stop the agent when peers disconnect inside their trailers without reading, with :authority ${authority}`, async () => {
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
      frames.push(frame(TYPE.headers, END_STREAM, 1, field('trailer', 'v'.repeat(40)))) // never finished
      const bytes = Buffer.concat(frames)
      for (let n = 0; n < 60; n++) {
        const socket = await connected()
        socket.pause()
        socket.write(bytes)
        await sleep(15) // meanwhile the responses fill the socket
        socket.destroy()
      }
      await serves()
    })
  }

  it('does not stop the agent when sessions are mutated and cut at any byte', async () => {
    const random = seeded(SEED)
    for (let round = 0; round < ROUNDS; round += AT_A_TIME) {
      const sequences = Array.from({ length: AT_A_TIME }, (_, n) => {
        // Half of them are rewritten in transit.
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

  it('leaves nothing behind after thousands of broken connections', { timeout: 60_000 }, async () => {
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
