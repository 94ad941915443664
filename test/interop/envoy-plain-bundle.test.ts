import assert from 'node:assert/strict'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf } from './envoy/pair.ts'
import { ask } from './envoy/traffic.ts'

inBothModes('an Envoy whose node sets disable_spiffe_cert_validation', async (t, pair) => {
  await Promise.all([pair.grant('web'), pair.grant('api')])
  const metadata = { disable_spiffe_cert_validation: true }
  const api = await (await pair.startApi({ metadata })).ready()
  const port = await api.admin.port('inbound')
  const web = await (await pair.startWeb(port, { metadata })).ready()

  await t.test('gets the bundle as plain CA certificates', async () => {
    for (const { admin } of [web, api]) {
      const bundle = (await admin.secrets()).find(({ name }) => name === 'spiffe://example.org')
      const { trusted_ca, custom_validator_config } = bundle?.secret.validation_context ?? {}
      assert.equal(custom_validator_config, undefined)
      assert.match(Buffer.from(trusted_ca.inline_bytes, 'base64').toString('latin1'), /BEGIN CERTIFICATE/)
    }
  })

  await t.test(
    'speaks mutual TLS with a peer like itself and with one that has the SPIFFE validator',
    async () => {
      const other = await (await pair.startWeb(port)).ready()
      for (const { admin } of [web, other]) {
        assert.equal((await ask(await admin.port('outbound'))).caller['URI'], idOf('web'))
      }
    },
  )

  await t.test('still refuses another ID', async () => {
    const peer = 'spiffe://example.org/somebody-else'
    const stranger = await (await pair.startWeb(port, { metadata, peer })).ready()
    await assert.rejects(ask(await stranger.admin.port('outbound')), /^Error: 503/)
    assert.ok((await stranger.admin.count('^cluster.upstream.ssl.fail_verify_san$')) > 0)
  })

  await t.test('follows a rotation of the CA', async () => {
    await pair.stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
    for (const one of [web, api]) {
      await one.until('trusts both', async () => (await one.admin.certificates()).trusted.length === 2)
    }
    assert.equal((await ask(await web.admin.port('outbound'))).caller['URI'], idOf('web'))
  })
})
