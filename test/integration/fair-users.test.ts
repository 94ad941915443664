import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import { UnixListener } from '../../src/peer/unix-listener.ts'
import { FloodProcess } from '../support/flood.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { needsTwoUsers, type Said, WorkloadProcess } from '../support/workload-process.ts'

const [VICTIM, FLOODER, STRANGER] = [46_001, 46_002, 46_003]

describe('a listener that several users share', { skip: needsTwoUsers }, () => {
  async function listen(maxConnections: number) {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-fair-'))
    await chmod(directory, 0o755)
    const logged: string[] = []
    const heard: string[] = []
    const listener = await UnixListener.listen({
      path: path.join(directory, 'agent.sock'),
      mode: 0o777,
      kernel: loadKernel(),
      maxConnections,
      maxConnectionsPerUid: maxConnections,
      clock: systemClock,
      logger: createLogger({ destination: { write: (line: string) => void logged.push(line) } }),
      metrics: createMetrics(),
      onConnection: (socket) => {
        socket.setEncoding('utf8').on('data', (text: string) => void heard.push(text))
        socket.write('hello')
      },
    })
    return {
      listener,
      logged,
      heard,
      [Symbol.asyncDispose]: async () => {
        await listener[Symbol.asyncDispose]()
        await rm(directory, { recursive: true })
      },
    }
  }

  async function connect(socketPath: string): Promise<net.Socket> {
    const socket = net.connect(socketPath)
    await once(socket, 'data')
    return socket
  }

  it('evicts a connection of the user with the most for a user who has few', async () => {
    await using place = await listen(10)
    const { path: socket } = place.listener
    await using flood = await FloodProcess.start({ kind: 'idle', socket, uid: FLOODER, connections: 20 })
    while (place.listener.connections < 10) await turn()
    const own = [await connect(socket), await connect(socket)]
    assert.equal(place.listener.connections, 10)
    assert.ok(own.every(({ destroyed }) => !destroyed))
    const line = place.logged.find((text) => text.includes('"reason":"evicted"'))
    assert.equal(JSON.parse(line ?? '{}').uid, FLOODER)
    for (const each of own) each.destroy()
    await flood.stop()
  })

  it('does not read from a held user, and reads what arrived meanwhile once it is released', async () => {
    await using place = await listen(10)
    const { listener, heard } = place
    const client = await connect(listener.path)
    const uid = process.getuid?.() ?? 0
    listener.hold(uid)
    client.write('one')
    for (let n = 0; n < 50; n++) await turn()
    assert.deepEqual(heard, [])
    assert.equal(listener.resume(uid), true)
    while (heard.length === 0) await turn()
    assert.deepEqual(heard, ['one'])
    client.destroy()
  })
})

describe('a user of the agent', { skip: needsTwoUsers }, () => {
  it('is served while others flood the agent, and after they have used up the authority’s rate', async () => {
    const identities = [identityFor(VICTIM, 'victim'), identityFor(FLOODER, 'flooder')]
    await using stack = await Stack.start({
      authorityYaml: 'limits: { svids_per_second: 2 }', // 1,200 in a burst
      resources: [DEFAULT_RESOURCES, ...identities].join('---'),
    })
    const { socket } = stack
    const ask = async (
      method: string,
      request: object = {},
    ): Promise<Extract<Said, { event: 'message' }>> => {
      await using workload = new WorkloadProcess({ socket, method, request, uid: VICTIM })
      const said = await workload.outcome()
      assert.equal(said.event, 'message', JSON.stringify(said))
      return said as Extract<Said, { event: 'message' }>
    }
    const cached = { audience: ['cached'] }
    const before = await ask('FetchJWTSVID', cached)
    const calls = { kind: 'calls', socket, connections: 20, calls: 50 } as const
    await using audiences = await FloodProcess.start({
      ...calls,
      uid: FLOODER,
      method: 'FetchJWTSVID',
      newAudiences: true,
    })
    await using refused = await FloodProcess.start({
      ...calls,
      uid: STRANGER,
      method: 'FetchX509SVID',
      newAudiences: false,
    })
    await audiences.hasGot(850) // of 900 tokens, at two per second
    await refused.hasGot(500)
    await ask('FetchX509SVID') // not signed before
    assert.ok((await ask('FetchJWTSVID', { audience: ['new'] })).message.svids[0].svid)
    const after = await ask('FetchJWTSVID', cached)
    assert.equal(after.message.svids[0].svid, before.message.svids[0].svid)
  })
})
