import assert from 'node:assert/strict'
import { identityFor } from '../support/stack.ts'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf } from './envoy/pair.ts'
import { ask } from './envoy/traffic.ts'

const TRUST_DOMAIN = 'spiffe://example.org'
const LATER = `${TRUST_DOMAIN}/later`

inBothModes('secrets by every kind of name', async (t, pair) => {
  await Promise.all([pair.grant('web'), pair.grant('api')])
  const isOneUser = pair.oneUser !== undefined
  /** If both proxies run as one user, that user has both identities, so the default is not right for both. */
  const combinations = [
    { name: 'a', certificate: idOf('api'), bundle: 'ROOTCA' },
    { name: 'b', certificate: idOf('api'), bundle: 'ALL' },
    { name: 'c', certificate: isOneUser ? idOf('api') : 'default', bundle: 'ALL' },
    { name: 'd', certificate: isOneUser ? idOf('api') : 'default', bundle: TRUST_DOMAIN },
  ]
  const api = await (await pair.startApi({ variants: combinations })).ready()
  const atWeb = await Promise.all(
    combinations.map(async (one) => ({
      ...one,
      certificate: one.certificate === 'default' ? 'default' : idOf('web'),
      port: await api.admin.port(`inbound-${one.name}`),
    })),
  )
  const later = { name: 'later', certificate: LATER, fetchTimeout: '1s' }
  const web = await pair.startWeb(await api.admin.port('inbound'), { variants: [...atWeb, later] })
  await web.ready()

  for (const { name, certificate, bundle } of atWeb) {
    await t.test(`${certificate} and ${bundle} on both sides`, async () => {
      const seen = await ask(await web.admin.port(`outbound-${name}`))
      assert.equal(seen.caller['URI'], idOf('web'))
    })
  }

  await t.test('each secret exists once, under the requested name, with a version', async () => {
    const held = (await api.admin.secrets()).filter(({ isThere }) => isThere)
    const wanted = new Set([
      'default',
      ...combinations.flatMap(({ certificate, bundle }) => [certificate, bundle]),
    ])
    if (isOneUser) wanted.delete('default')
    wanted.add(TRUST_DOMAIN)
    assert.deepEqual(held.map(({ name }) => name).sort(), [...wanted].sort())
    for (const { name, version, secret } of held) {
      assert.equal(secret.name, name)
      assert.notEqual(version, '')
    }
  })

  await t.test('bundles are delivered as a SPIFFE validator for the trust domain', async () => {
    for (const { name, secret } of await api.admin.secrets()) {
      if (![TRUST_DOMAIN, 'ROOTCA', 'ALL'].includes(name)) continue
      const { name: validator, typed_config } = secret.validation_context.custom_validator_config
      assert.equal(validator, 'envoy.tls.cert_validator.spiffe')
      assert.deepEqual(
        typed_config.trust_domains.map((domain: { name: string }) => domain.name),
        ['example.org'],
      )
    }
  })

  await t.test('a secret that is not granted yet does not block the others', async () => {
    const [waiting, ...more] = (await web.admin.secrets()).filter(({ isThere }) => !isThere)
    assert.equal(waiting?.name, LATER)
    assert.deepEqual(more, [])
    await assert.rejects(ask(await web.admin.port('outbound-later')), /^Error: 503/)
    assert.equal((await ask(await web.admin.port('outbound'))).caller['URI'], idOf('web'))
  })

  await t.test('it is delivered when it is granted', async (t) => {
    await pair.stack.apply(identityFor(pair.uidOf('web'), 'later'))
    const granted = performance.now()
    await web.until('has it', async () => (await web.admin.secrets()).every(({ isThere }) => isThere))
    t.diagnostic(`${Math.round(performance.now() - granted)} ms after the command had ended`)
    // The second proxy accepts only web. Its refusal shows that the new identity was used.
    await assert.rejects(ask(await web.admin.port('outbound-later')), /^Error: 503/)
    await api.until('refused it', () => api.admin.count('^listener\\..*ssl.fail_verify_san$'))
  })

  await t.test('Envoy rejected nothing', async () => {
    for (const { admin } of [web, api]) {
      assert.equal(await admin.count('^sds\\..*(update_rejected|key_rotation_failed)$'), 0)
    }
  })
})
