import assert from 'node:assert/strict'
import { signet } from '../support/stack.ts'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf, type Pair } from './envoy/pair.ts'
import { ask } from './envoy/traffic.ts'

const [OURS, THEIRS] = ['example.org', 'partner.example'] as const

/** What an administrator does who got the other side's bundle. */
async function setBundle(of: Pair, at: Pair): Promise<void> {
  const { stdout } = await of.stack.admin('bundle', 'fetch', '--authority')
  const name = of.stack.options.trustDomain ?? OURS
  const env = { SIGNET_ADMIN_SOCKET: at.stack.authoritySocket }
  const { code, stderr } = await signet(['bundle', 'set', name, '--file', '-'], { input: stdout, env })
  assert.equal(code, 0, stderr)
}

inBothModes('two Envoys of two trust domains', async (t, ours) => {
  await using theirs = await ours.another({ trustDomain: THEIRS })
  await ours.grant('web', `  federates_with: [${THEIRS}]`)
  await theirs.grant('api', `  federates_with: [${OURS}]`)
  const peer = idOf('web', OURS)
  const all = { name: 'all', bundle: 'ALL' }
  const api = await theirs.startApi({ peer, variants: [all] })

  await t.test('the foreign bundle is waited for', async () => {
    await api.until('waits for it alone', async () => {
      const [waiting, another] = (await api.admin.secrets()).filter(({ isThere }) => !isThere)
      return waiting?.name === `spiffe://${OURS}` && another === undefined
    })
  })

  await t.test('when both sides have it, requests go through, by its name as under ALL', async () => {
    await Promise.all([setBundle(ours, theirs), setBundle(theirs, ours)])
    await api.until('has all', async () => (await api.admin.secrets()).every(({ isThere }) => isThere))
    await api.ready()
    const upstream = { peer: idOf('api', THEIRS), variants: [all] }
    const byName = await ours.startWeb(await api.admin.port('inbound'), upstream)
    const underAll = await ours.startWeb(await api.admin.port('inbound-all'), upstream)
    for (const front of [byName, underAll]) {
      await front.until('has all', async () => (await front.admin.secrets()).every(({ isThere }) => isThere))
      const { admin } = await front.ready()
      for (const listener of ['outbound', 'outbound-all']) {
        assert.equal((await ask(await admin.port(listener))).caller['URI'], peer)
      }
    }
    const held = (await api.admin.secrets()).find(({ name }) => name === 'ALL')
    const domains: { name: string }[] =
      held?.secret.validation_context.custom_validator_config.typed_config.trust_domains
    assert.deepEqual(
      domains.map(({ name }) => name),
      [OURS, THEIRS],
    )
  })

  await t.test('a newer bundle of the others arrives while it runs', async () => {
    const before = (await api.admin.certificates()).believed.length
    await ours.stack.admin('ca', 'rotate', 'spiffe_x509')
    await setBundle(ours, theirs)
    await api.until(
      'believes one more',
      async () => (await api.admin.certificates()).believed.length === before + 1,
    )
  })
})
