import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { type Readiness, startStatusServer } from '../../src/foundation/http-status.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

describe('the status server', () => {
  const start = (readiness: Readiness = { isReady: true }) => {
    const metrics = createMetrics()
    metrics.counter('things_total', 'Things').inc()
    return startStatusServer({
      listen: '127.0.0.1:0',
      metrics,
      ready: () => readiness,
      logger: silentLogger,
      clock: new FakeClock(),
    })
  }
  it('reports liveness, readiness and metrics', async () => {
    await using server = await start()
    const get = (path: string) => fetch(`http://${server.address}${path}`)
    assert.equal((await get('/livez')).status, 200)
    assert.equal((await get('/readyz')).status, 200)
    assert.match(await (await get('/metrics')).text(), /^signet_things_total 1$/m)
    assert.equal((await get('/')).status, 404)
    assert.equal((await get('/metrics/../livez?x')).status, 200)
  })
  it('says why it is not ready', async () => {
    await using server = await start({ isReady: false, note: 'no sync yet' })
    const response = await fetch(`http://${server.address}/readyz`)
    assert.deepEqual([response.status, await response.text()], [503, 'no sync yet\n'])
  })
  it('is ready with a note while something is not as it should be', async () => {
    await using server = await start({ isReady: true, note: 'the authority is away' })
    const response = await fetch(`http://${server.address}/readyz`)
    assert.deepEqual([response.status, await response.text()], [200, 'ok: the authority is away\n'])
  })
  it('answers only GET and HEAD', async () => {
    await using server = await start()
    const url = `http://${server.address}/livez`
    assert.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 405)
    assert.equal(await (await fetch(url, { method: 'HEAD' })).text(), '')
  })
  it('survives garbage', async () => {
    await using server = await start()
    const socket = net.connect(Number(server.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.end(Buffer.alloc(20_000, 0xff))
    await once(socket, 'close')
    assert.equal((await fetch(`http://${server.address}/livez`)).status, 200)
  })
  it('answers however many connections a client holds, idle or in the middle of a request', async () => {
    await using server = await start()
    const port = Number(server.address.split(':')[1])
    const held = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const socket = net.connect(port, '127.0.0.1')
        socket.on('error', () => {}).resume()
        await once(socket, 'connect')
        if (index % 2 === 1) socket.write('GET /livez HTTP/1.1\r\nhost: a\r\nx: ')
        return socket
      }),
    )
    assert.equal((await fetch(`http://${server.address}/livez`)).status, 200)
    for (const socket of held) socket.destroy()
  })
  /** Returns the response until the server closes the connection. */
  const said = async (port: number, text: string): Promise<string> => {
    const socket = net.connect(port, '127.0.0.1')
    let answer = ''
    socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        answer += bytes.toString('latin1')
      })
    socket.write(text)
    await once(socket, 'close')
    return answer
  }
  it('accepts no pipelined request before it has answered, because a request costs only the server work', async () => {
    let made = 0
    const metrics = createMetrics()
    metrics.collected('made', 'Figures made', () => {
      made += 1
      return made
    })
    const options = {
      listen: '127.0.0.1:0',
      metrics,
      ready: () => ({ isReady: true }),
      logger: silentLogger,
      clock: new FakeClock(),
    }
    await using server = await startStatusServer(options)
    const port = Number(server.address.split(':')[1])
    await said(port, 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(200))
    assert.ok(made <= 1, `${made} times`)
    const asked = Array.from({ length: 50 }, () => fetch(`http://${server.address}/metrics`))
    for (const answer of await Promise.all(asked)) assert.match(await answer.text(), /^signet_made 1$/m)
  })
  it('answers a client that half-closes, and closes or keeps the connection as requested', async () => {
    await using server = await start()
    const port = Number(server.address.split(':')[1])
    assert.match(
      await said(port, 'GET /livez HTTP/1.0\r\n\r\n'),
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*close\r\n\r\nok\n$/,
    )
    const socket = net.connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1').on('data', (text) => {
      answer += String(text)
    })
    for (let asked = 1; asked <= 3; asked += 1) {
      socket.write('GET /livez HTTP/1.1\r\n')
      socket.write('host: a\r\n\r\n')
      while (answer.split('ok\n').length <= asked) await once(socket, 'data')
    }
    socket.end('GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'close')
    assert.equal(answer.split('200 OK').length - 1, 4)
  })
  it('closes the connection of a client that sends a body, and does not read it', async () => {
    await using server = await start()
    const head = 'GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n'
    const port = Number(server.address.split(':')[1])
    for (const text of [
      head,
      head.replace('GET', 'POST'),
      head.replace(/content-length.*/, 'transfer-encoding: chunked'),
    ]) {
      assert.match(await said(port, text), /^HTTP\/1\.1 4\d\d /)
    }
  })
  it('reports that metrics are unavailable if one of them fails, and continues', async () => {
    const metrics = createMetrics()
    const broken = { works: false }
    const clock = new FakeClock()
    metrics.collected('broken', 'Fails', () => {
      if (!broken.works) throw new RangeError('bug')
      return 7
    })
    await using server = await startStatusServer({
      listen: '[::1]:0',
      metrics,
      ready: () => ({ isReady: true }),
      logger: silentLogger,
      clock,
    })
    assert.match(server.address, /^\[::1\]:\d+$/)
    const failed = await fetch(`http://${server.address}/metrics`)
    assert.deepEqual([failed.status, await failed.text()], [500, 'metrics are not available\n'])
    broken.works = true
    await clock.advance(1_000)
    assert.match(await (await fetch(`http://${server.address}/metrics`)).text(), /^signet_broken 7$/m)
  })
  for (const listen of [
    '',
    'localhost',
    ':9090',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:80',
    '127.0.0.1:80:80',
  ]) {
    it(`refuses ${JSON.stringify(listen)} as an address`, async () => {
      const options = {
        listen,
        metrics: createMetrics(),
        ready: () => ({ isReady: true }),
        logger: silentLogger,
        clock: new FakeClock(),
      }
      await assert.rejects(startStatusServer(options), {
        code: 'ERR_STATUS_LISTEN',
        message: /: (expected host:port|the port is at most 65535)/,
      })
    })
  }
  it('names an address that it cannot bind', async () => {
    await using server = await start()
    const again = startStatusServer({
      listen: server.address,
      metrics: createMetrics(),
      ready: () => ({ isReady: true }),
      logger: silentLogger,
      clock: new FakeClock(),
    })
    await assert.rejects(again, { code: 'ERR_STATUS_LISTEN' })
  })
})
