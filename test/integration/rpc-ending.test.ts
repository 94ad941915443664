import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { NotYoursError, nothing, X509 } from '../support/rpc-answers.ts'
import { RpcStack, rawCall } from '../support/rpc-stack.ts'

describe('ending', () => {
  const watch = { FetchX509SVID: { push: () => nothing }, FetchX509Bundles: { push: () => nothing } }

  it('the calls of a caller gives each its status and keeps the connection', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const meant = rawCall(session, X509)
    const other = rawCall(session, '/SpiffeWorkloadAPI/FetchX509Bundles')
    while (stack.server.openStreams < 2) await new Promise(setImmediate)
    const caller = stack.connections[0]?.caller
    assert.ok(caller)
    stack.server.endCalls(caller, new NotYoursError('no identity issued'), (method) => method === X509)
    assert.deepEqual(await meant.ended, { status: 7, message: 'no%20identity%20issued' })
    assert.equal(stack.server.openStreams, 1)
    assert.equal(session.destroyed, false)
    stack.server.endCalls(caller, new NotYoursError('all'))
    assert.equal((await other.ended).status, 7)
    session.destroy()
  })

  it('a connection gives each call its status and then closes', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const call = rawCall(session, X509)
    while (stack.server.openStreams < 1) await new Promise(setImmediate)
    const connection = stack.connections[0]
    assert.ok(connection)
    stack.server.endConnection(connection, new NotYoursError('changed'))
    assert.equal((await call.ended).status, 7)
    await connection.closed
    assert.equal(stack.server.openConnections, 0)
  })

  it('the server sends trailers 14 first, then GOAWAY, then closes', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const order: string[] = []
    session.once('goaway', (code) => order.push(`goaway ${code}`))
    session.on('close', () => order.push('close'))
    const calls = Array.from({ length: 20 }, () => rawCall(session, X509))
    for (const { stream } of calls) stream.once('response', () => order.push('status'))
    const idle = stack.session()
    while (stack.server.openStreams < 20 || stack.server.openConnections < 2) await new Promise(setImmediate)
    const closed = Promise.all([once(session, 'close'), once(idle, 'close')])
    await stack.server.shutdown(5_000)
    await closed
    for (const { ended } of calls) assert.equal((await ended).status, 14)
    assert.deepEqual(order, [...Array.from({ length: 20 }, () => 'status'), 'goaway 0', 'close'])
  })

  it('the server cuts at the deadline the connections that do not read', async () => {
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          push: (_peer, _request, sink) => {
            sink.send(Buffer.alloc(1_000))
            return nothing
          },
        },
      },
    })
    const session = stack.session({ initialWindowSize: 0 })
    rawCall(session, X509)
    while (stack.server.openStreams < 1) await new Promise(setImmediate)
    const down = stack.server.shutdown(5_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(stack.server.openConnections, 1)
    stack.clock.advance(5_000)
    await down
    assert.equal(stack.server.openConnections, 0)
  })
})
