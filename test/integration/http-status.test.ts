import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { startStatusServer } from '../../src/foundation/http-status.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'

describe('the status server', () => {
  const start = (reason?: string) => {
    const metrics = createMetrics()
    metrics.counter('things_total', 'Things').inc()
    return startStatusServer({ listen: '127.0.0.1:0', metrics, ready: () => reason, logger: silentLogger })
  }
  it('says that it lives, whether it is ready, and what it counts', async () => {
    await using server = await start()
    const get = (path: string) => fetch(`http://${server.address}${path}`)
    assert.equal((await get('/livez')).status, 200)
    assert.equal((await get('/readyz')).status, 200)
    assert.match(await (await get('/metrics')).text(), /^signet_things_total 1$/m)
    assert.equal((await get('/')).status, 404)
    assert.equal((await get('/metrics/../livez?x')).status, 200)
  })
  it('says why it is not ready', async () => {
    await using server = await start('no sync yet')
    const response = await fetch(`http://${server.address}/readyz`)
    assert.deepEqual([response.status, await response.text()], [503, 'no sync yet\n'])
  })
  it('answers nothing but GET and HEAD', async () => {
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
  it('answers however many connections somebody holds, idle or in the middle of a request', async () => {
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
  it('says that figures cannot be had when one of them fails, and goes on', async () => {
    const metrics = createMetrics()
    const broken = { works: false }
    metrics.collected('broken', 'Fails', () => {
      if (!broken.works) throw new RangeError('bug')
      return 7
    })
    await using server = await startStatusServer({
      listen: '[::1]:0',
      metrics,
      ready: () => undefined,
      logger: silentLogger,
    })
    assert.match(server.address, /^\[::1\]:\d+$/)
    const failed = await fetch(`http://${server.address}/metrics`)
    assert.deepEqual([failed.status, await failed.text()], [500, 'metrics are not available\n'])
    broken.works = true
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
    it(`calls ${JSON.stringify(listen)} no address`, async () => {
      const options = { listen, metrics: createMetrics(), ready: () => undefined, logger: silentLogger }
      await assert.rejects(startStatusServer(options), {
        code: 'ERR_STATUS_LISTEN',
        message: / is not an address of the form host:port$/,
      })
    })
  }
  it('says which address cannot be had', async () => {
    await using server = await start()
    const again = startStatusServer({
      listen: server.address,
      metrics: createMetrics(),
      ready: () => undefined,
      logger: silentLogger,
    })
    await assert.rejects(again, { code: 'ERR_STATUS_LISTEN' })
  })
})
