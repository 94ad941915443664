import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { signet } from '../support/command.ts'
import type { EnvoyProcess } from './envoy/envoy-process.ts'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf, type Pair } from './envoy/pair.ts'
import { ask } from './envoy/traffic.ts'

const [OURS, THEIRS] = ['example.org', 'partner.example'] as const

/** Sets the bundle of `of` at `at`, as an administrator would. */
async function setBundle(of: Pair, at: Pair): Promise<void> {
  const { stdout } = await of.stack.admin('bundle', 'fetch', '--authority')
  const name = of.stack.options.trustDomain ?? OURS
  const env = { SIGNET_ADMIN_SOCKET: at.stack.authoritySocket }
  const { code, stderr } = await signet(['bundle', 'set', name, '--file', '-'], { input: stdout, env })
  assert.equal(code, 0, stderr)
}

/** Sets an empty bundle, which means that no certificate of that trust domain is trusted. */
async function setEmpty(at: Pair, name: string): Promise<void> {
  const env = { SIGNET_ADMIN_SOCKET: at.stack.authoritySocket }
  const { code, stderr } = await signet(['bundle', 'set', name, '--file', '-'], { input: '{"keys":[]}', env })
  assert.equal(code, 0, stderr)
}

inBothModes('two Envoys of two trust domains', async (t, ours) => {
  await using theirs = await ours.another({ trustDomain: THEIRS })
  await ours.grant('web', `  federates_with: [${THEIRS}]`)
  await theirs.grant('api', `  federates_with: [${OURS}]`)
  const peer = idOf('web', OURS)
  const all = { name: 'all', bundle: 'ALL' }
  const api = await theirs.startApi({ peer, variants: [all] })
  const fronts: EnvoyProcess[] = []

  const trusts = async (name: string): Promise<boolean> => {
    const held = (await api.admin.secrets()).find((secret) => secret.name === name)
    const domains =
      held?.secret?.validation_context?.custom_validator_config?.typed_config?.trust_domains ?? []
    return domains.some((domain: { name: string; trust_bundle: { inline_bytes: string } }) => {
      const pem = Buffer.from(domain.trust_bundle.inline_bytes, 'base64').toString()
      return domain.name === OURS && !new X509Certificate(pem).subject.includes('Nobody')
    })
  }

  await t.test('without the foreign bundle, no caller of that trust domain is accepted', async () => {
    await api.until('has something', async () => (await api.admin.secrets()).every(({ isThere }) => isThere))
    await api.ready()
    assert.ok(!(await trusts(`spiffe://${OURS}`)))
  })

  await t.test('with bundles on both sides requests go through, both by name and by ALL', async () => {
    await Promise.all([setBundle(ours, theirs), setBundle(theirs, ours)])
    await api.until('has all', async () => (await api.admin.secrets()).every(({ isThere }) => isThere))
    await api.ready()
    // Open connections stay open, so these variants connect for each request.
    const variants = [
      { ...all, requestsPerConnection: 1 },
      { name: 'fresh', requestsPerConnection: 1 },
    ]
    const upstream = { peer: idOf('api', THEIRS), variants }
    const byName = await ours.startWeb(await api.admin.port('inbound'), upstream)
    const underAll = await ours.startWeb(await api.admin.port('inbound-all'), upstream)
    fronts.push(byName, underAll)
    for (const front of fronts) {
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

  await t.test('an updated bundle arrives while Envoy runs', async () => {
    const before = (await api.admin.certificates()).trusted.length
    await ours.stack.admin('ca', 'rotate', 'spiffe_x509')
    await setBundle(ours, theirs)
    await api.until(
      'trusts one more CA',
      async () => (await api.admin.certificates()).trusted.length === before + 1,
    )
  })

  const answersOf = async (): Promise<string[]> => {
    const answers: string[] = []
    for (const front of fronts) {
      for (const listener of ['outbound-fresh', 'outbound-all']) {
        const port = await front.admin.port(listener)
        const outcome = await ask(port).then(
          ({ caller }) => caller['URI'] ?? 'nobody',
          () => 'refused',
        )
        answers.push(outcome)
      }
    }
    return answers
  }
  for (const [what, withdraw] of [
    [
      'whose federation is deleted',
      async () => void (await theirs.stack.admin('delete', 'federation', OURS)),
    ],
    ['that no longer has keys', () => setEmpty(theirs, OURS)],
    ['that no identity federates with any longer', () => theirs.grant('api')],
    ['whose callers may no longer trust this one', () => ours.grant('web')],
  ] as const) {
    await t.test(`a trust domain ${what} is refused until that is undone`, async () => {
      await withdraw()
      await api.until('refuses', async () => (await answersOf()).every((answer) => answer === 'refused'))
      await theirs.grant('api', `  federates_with: [${OURS}]`)
      await ours.grant('web', `  federates_with: [${THEIRS}]`)
      await setBundle(ours, theirs)
      await api.until('accepts', async () => (await answersOf()).every((answer) => answer === peer))
    })
  }
})
