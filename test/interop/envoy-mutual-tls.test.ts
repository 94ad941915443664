import assert from 'node:assert/strict'
import type { EnvoyProcess } from './envoy/envoy-process.ts'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf, type Service } from './envoy/pair.ts'
import { shownAt } from './envoy/shown-certificate.ts'
import { ask, askByHttp2, echo } from './envoy/traffic.ts'

const STRANGER = 'spiffe://example.org/somebody-else'

inBothModes('two Envoys, two workload identities', async (t, pair) => {
  let api!: EnvoyProcess
  let web!: EnvoyProcess

  await t.test('a proxy without an identity requests secrets and gets none', async () => {
    api = await pair.startApi()
    await api.until('has requested secrets', () => api.admin.count('^sds\\..*update_attempt$'))
    // A bundle comes immediately, with a CA whose key does not exist. With delta the proxy also
    // learns that there is no certificate yet.
    await api.until('has a bundle', async () => (await api.admin.secrets()).some(({ isThere }) => isThere))
    if (pair.mode === 'delta') await api.ready()
    else assert.equal(await api.admin.isReady(), false)
    assert.deepEqual((await api.admin.secrets()).map(({ isThere }) => isThere).sort(), [false, true])
    await assert.rejects(shownAt(await api.admin.port('inbound')), {
      // while it is warming, or without a certificate
      code: /^(?:ECONNREFUSED|ECONNRESET|ERR_SSL_.*|ABORT_ERR)$/,
    })
  })

  await t.test('granted secrets arrive on the open streams', async () => {
    const connections = (): Promise<number> => api.admin.count('^cluster.signet_agent.upstream_cx_total$')
    const before = await connections()
    await pair.grant('api')
    await api.until('has both', async () => (await api.admin.secrets()).every(({ isThere }) => isThere))
    await api.ready()
    assert.equal(await connections(), before)
    assert.equal(before, 1)
    assert.equal(await api.admin.count('^sds\\..*update_rejected$'), 0)
  })

  await t.test('a request goes through both, and the program learns the caller', async () => {
    await pair.grant('web')
    web = await pair.startWeb(await api.admin.port('inbound'))
    await web.ready()
    const seen = await ask(await web.admin.port('outbound'))
    assert.equal(seen.caller['URI'], idOf('web'))
    assert.equal(seen.httpVersion, '1.1')
  })

  await t.test('HTTP/2 is forwarded as HTTP/2', async () => {
    const seen = await askByHttp2(await web.admin.port('outbound'))
    assert.equal(seen.httpVersion, '2.0')
    assert.equal(seen.caller['URI'], idOf('web'))
  })

  await t.test('a WebSocket goes through', async () => {
    assert.equal(await echo(await web.admin.port('outbound'), 'hello'), 'hello')
  })

  await t.test('an identity that a caller claims in a header is dropped', async () => {
    const headers = { 'x-forwarded-client-cert': 'URI=spiffe://example.org/root' }
    const seen = await ask(await web.admin.port('outbound'), false, headers)
    assert.equal(seen.caller['URI'], idOf('web'))
    assert.doesNotMatch(seen.xfcc, /root/)
  })

  await t.test('each presents its own identity, and the authority recorded its user', async (t) => {
    const rows = JSON.parse(
      (await pair.stack.admin('audit', 'list', '--json', '--event', 'x509_svid.issued')).stdout,
    ) as {
      detail: { spiffeId: string; serial: string; attributes: { workload: { unix: { uid: number } } } }
    }[]
    for (const [service, { admin }] of [
      ['web', web],
      ['api', api],
    ] as [Service, EnvoyProcess][]) {
      const { shown } = await admin.certificates()
      assert.deepEqual(
        shown.map(({ uris }) => uris),
        [[idOf(service)]],
      )
      const row = rows.find(({ detail }) => detail.serial.toLowerCase() === shown[0]?.serial)?.detail
      assert.equal(row?.spiffeId, idOf(service))
      assert.equal(row.attributes.workload.unix.uid, pair.uidOf(service))
      t.diagnostic(`${service}: serial ${row.serial}, uid ${row.attributes.workload.unix.uid}`)
    }
    if (pair.oneUser !== undefined) t.skip(`${pair.oneUser}: both ran as one user`)
  })

  await t.test('with --tcp bytes are forwarded unchanged', async () => {
    const flags = ['--tcp']
    const behind = await (await pair.startApi({ flags })).ready()
    const front = await (await pair.startWeb(await behind.admin.port('inbound'), { flags })).ready()
    const outbound = await front.admin.port('outbound')
    assert.equal((await ask(outbound)).xfcc, '')
    assert.equal((await askByHttp2(outbound)).httpVersion, '2.0')
    assert.equal(await behind.admin.count('^listener\\..*ssl.handshake$'), 2)
  })

  await t.test('the first proxy refuses a server with another ID', async () => {
    const port = await api.admin.port('inbound')
    const stranger = await (await pair.startWeb(port, { peer: STRANGER })).ready()
    await assert.rejects(ask(await stranger.admin.port('outbound')), /^Error: 503/)
    assert.ok((await stranger.admin.count('^cluster.upstream.ssl.fail_verify_san$')) > 0)
  })

  await t.test('the second proxy refuses a caller with another ID', async () => {
    const choosy = await (await pair.startApi({ peer: STRANGER })).ready()
    const front = await (await pair.startWeb(await choosy.admin.port('inbound'))).ready()
    await assert.rejects(ask(await front.admin.port('outbound')), /^Error: 503/)
    assert.ok((await choosy.admin.count('^listener\\..*ssl.fail_verify_san$')) > 0)
    assert.equal(await choosy.admin.count('^http.inbound.downstream_rq_total$'), 0)
  })
})
