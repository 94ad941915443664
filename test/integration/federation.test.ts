import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/foundation/clock.ts'
import { FakeIssuer } from '../fakes/fake-issuer.ts'
import { splitCertificates } from '../support/certificates.ts'
import { type Finished, signet } from '../support/command.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadClient } from '../support/workload-client.ts'

const ASKED = { occasion: 'call', holders: 0, askedMs: 0 } as const

const UID = process.getuid?.() ?? 0
const PARTNER = 'partner.example'
const PARTNER_ID = `spiffe://${PARTNER}`
const INVALID_ARGUMENT = 3

const claim = (name: string) => ({
  workloadIdentity: name,
  revision: '1',
  spiffeId: `${PARTNER_ID}/${name}`,
  workloadAttributes: {},
  keyType: 'ec-p256' as const,
  asked: ASKED,
})

/** The names as the YAML of `federates_with`. */
const federated = (names: string): string => `  federates_with: [${names}]`

describe('a federation', () => {
  let stack: Stack
  let partner: FakeIssuer

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    partner = await FakeIssuer.create(systemClock, PARTNER)
    await stack.apply(identityFor(UID, 'web', federated(PARTNER)))
  })
  after(async () => {
    await stack?.[Symbol.asyncDispose]()
  })

  const bundleText = (): string => partner.bundle().format().toString()

  function setBundle(text: string, ...more: string[]): Promise<Finished> {
    const env = { SIGNET_ADMIN_SOCKET: stack.authoritySocket }
    return signet(['bundle', 'set', PARTNER, '--file', '-', ...more], { input: text, env })
  }

  async function fileWith(text: string, name = 'partner.json'): Promise<string> {
    const file = path.join(stack.directory, name)
    await writeFile(file, text)
    return file
  }

  const ids = (message: Message): string[] =>
    Object.keys(message.bundles ?? message.federatedBundles).filter((id) => id !== 'spiffe://example.org')

  const validate = (client: WorkloadClient, svid: string) =>
    client.unary('ValidateJWTSVID', { audience: 'a', svid })

  it('reaches every open stream of its workload identities when it is created, changed or deleted', async () => {
    using client = stack.client()
    const streams = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles'].map((name) =>
      client.stream(name),
    )
    for (const stream of streams) assert.deepEqual(ids(await stream.next()), [])
    const { token } = await partner.issueJwt(claim('db'), ['a'])
    await assert.rejects(validate(client, token), { code: INVALID_ARGUMENT })

    const made = await stack.admin('bundle', 'set', PARTNER, '--file', await fileWith(bundleText()))
    assert.equal(made.stdout, `federation ${PARTNER} created\n`)
    for (const stream of streams) assert.deepEqual(ids(await stream.next()), [PARTNER_ID])
    const { federatedBundles } = await client.first('FetchX509SVID')
    assert.deepEqual(federatedBundles[PARTNER_ID], partner.bundle().x509Der())
    assert.equal((await validate(client, token)).spiffeId, `${PARTNER_ID}/db`)

    await partner.rotate()
    assert.equal((await setBundle(bundleText())).stdout, `federation ${PARTNER} updated\n`)
    const [svids, x509, jwt] = await Promise.all(streams.map((stream) => stream.next()))
    assert.equal(splitCertificates(svids.federatedBundles[PARTNER_ID]).length, 2)
    assert.equal(splitCertificates(x509.bundles[PARTNER_ID]).length, 2)
    assert.equal(JSON.parse(jwt.bundles[PARTNER_ID].toString()).keys.length, 2)

    await stack.admin('delete', 'federation', PARTNER)
    for (const stream of streams) assert.deepEqual(ids(await stream.next()), [])
    await assert.rejects(validate(client, token), { code: INVALID_ARGUMENT })
    for (const stream of streams) stream[Symbol.dispose]()
  })

  it('accepts a newer bundle with unusable keys, which are reported and left out; a removed key is dropped', async () => {
    await setBundle(bundleText())
    using client = stack.client()
    using stream = client.stream('FetchJWTBundles')
    const before = await stream.until((message) => ids(message).includes(PARTNER_ID))
    const kids = (message: Message): string[] =>
      JSON.parse(message.bundles[PARTNER_ID].toString()).keys.map(({ kid }: { kid: string }) => kid)
    const [gone] = kids(before)
    const document = JSON.parse(bundleText())
    const [x509] = document.keys.filter(({ use }: { use: string }) => use === 'x509-svid')
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey
    const ed = generateKeyPairSync('ed25519').publicKey
    const keys = document.keys.filter(({ kid }: { kid?: string }) => kid !== gone)
    keys.push(
      { ...rsa.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'rsa' },
      { ...ed.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'ed' },
      { ...x509, x5c: null },
      1,
    )
    const { stderr } = await setBundle(JSON.stringify({ ...document, keys }))
    for (const [index, what] of ['exponent 3', 'not known', 'x5c', 'not an object'].entries())
      assert.match(
        stderr,
        new RegExp(`key ${keys.length - 4 + index} of its bundle is not delivered: .*${what}`),
      )
    const after = await stream.until((message) => !kids(message).includes(gone ?? ''))
    assert.deepEqual(
      kids(after).filter((kid) => ['rsa', 'ed'].includes(kid)),
      [],
    )
    await stack.agent.says(/"event":"bundle\.key_withheld".*"withheld":3/)
    const { bundles } = await client.first('FetchX509Bundles')
    assert.ok(splitCertificates(bundles[PARTNER_ID]).length > 0)
    await setBundle(bundleText())
  })

  it('is only for the workload identities that name it', async () => {
    await setBundle(bundleText())
    using client = stack.client()
    using stream = client.stream('FetchX509Bundles')
    await stream.until((message) => ids(message).includes(PARTNER_ID))
    await stack.apply(identityFor(UID, 'web'))
    await stream.until((message) => ids(message).length === 0)
    await stack.apply(identityFor(UID, 'web', federated(PARTNER)))
    await stream.until((message) => ids(message).includes(PARTNER_ID))
  })

  it('is served by an agent that restarted while its authority was down, and after the next restart', async () => {
    await setBundle(bundleText())
    using client = stack.client()
    using stream = client.stream('FetchX509Bundles')
    await stream.until((message) => ids(message).includes(PARTNER_ID))
    await client.first('FetchX509SVID') // an SVID to serve in the outage
    const { token } = await partner.issueJwt(claim('db'), ['a'])
    await stack.authority.stop()
    await stack.agent.stop()
    await stack.launchAgent()
    using restarted = stack.client()
    assert.deepEqual(ids(await restarted.first('FetchX509Bundles')), [PARTNER_ID])
    assert.deepEqual(ids(await restarted.first('FetchX509SVID')), [PARTNER_ID])
    assert.equal((await validate(restarted, token)).spiffeId, `${PARTNER_ID}/db`)
    await stack.startAuthority()
    await stack.agent.says(/"event":"sync\.(?:established|restored)"/)
    assert.deepEqual(ids(await restarted.first('FetchJWTBundles')), [PARTNER_ID])
    assert.match((await stack.admin('get', 'federation')).stdout, /^partner\.example +partner\.example /m)
  })

  it('is listed, shown, compared and applied like every resource, and recorded in the audit log', async () => {
    await setBundle(bundleText())
    const shown = await stack.admin('get', 'federation', PARTNER)
    assert.match(shown.stdout, /^kind: federation\n/)
    assert.match(shown.stdout, /use: x509-svid/)
    const file = await fileWith(shown.stdout, 'shown.yaml')
    assert.equal((await stack.signet('diff', '-f', file)).code, 0)
    assert.match((await stack.apply(shown.stdout)).stdout, /^federation partner\.example unchanged$/m)
    assert.match((await setBundle(bundleText(), '--dry-run')).stdout, /unchanged \(dry run\)/)
    const { resources } = JSON.parse((await setBundle(bundleText(), '--json')).stdout)
    assert.deepEqual([resources[0].kind, resources[0].action], ['federation', 'unchanged'])
    const audited = JSON.parse((await stack.admin('audit', 'list', '--event', 'resource.*', '--json')).stdout)
    const events = new Set(
      audited
        .filter(({ detail }: { detail: { kind: string } }) => detail.kind === 'federation')
        .map(({ event }: { event: string }) => event),
    )
    assert.deepEqual(events, new Set(['resource.created', 'resource.updated', 'resource.deleted']))
  })

  it('takes its bundle from a file beside the resource, which the command reads', async () => {
    await partner.rotate()
    await mkdir(path.join(stack.directory, 'beside'), { recursive: true })
    await fileWith(bundleText(), 'beside/new.json')
    const yaml = `kind: federation
version: v1
metadata: { name: ${PARTNER} }
spec:
  bundle:
    path: new.json
  trust_domain: ${PARTNER}
`
    const file = await fileWith(yaml, 'beside/federation.yaml')
    assert.equal((await stack.signet('diff', '-f', file)).code, 1)
    assert.match((await stack.admin('apply', '-f', file)).stdout, /updated/)
    assert.match((await setBundle(bundleText())).stdout, /unchanged/)
    const missing = await fileWith(yaml.replace('new.json', 'none.json'), 'beside/missing.yaml')
    const refused = await stack.signet('apply', '-f', missing)
    assert.equal(refused.code, 2)
    assert.match(
      refused.stderr,
      /missing\.yaml:6: spec\.bundle\.path: cannot read .*none\.json: it does not exist/,
    )
  })

  for (const [what, text, reason] of [
    ['what is not JSON', 'garbage', /not a SPIFFE bundle: not JSON/],
    ['JSON that is not a bundle', '{"a":1}', /not a SPIFFE bundle: it has no list of keys/],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /is not UTF-8/],
  ] as const) {
    it(`refuses ${what}, and says why`, async () => {
      const file = path.join(stack.directory, 'bad.json')
      await writeFile(file, text)
      const done = await stack.signet('bundle', 'set', PARTNER, '--file', file)
      assert.equal(done.code, 2)
      assert.match(done.stderr, reason)
    })
  }

  it('cannot be for the own trust domain, nor a second one for the same', async () => {
    const file = await fileWith(bundleText())
    const own = await stack.signet('bundle', 'set', 'example.org', '--file', file)
    assert.equal(own.code, 2)
    assert.match(own.stderr, /example\.org is the trust domain of this authority/)
    await setBundle(bundleText())
    const second = (await stack.admin('get', 'federation', PARTNER)).stdout
      .replace(`name: ${PARTNER}`, 'name: second')
      .replace(/\n {2}revision: .*/, '')
    await assert.rejects(
      stack.apply(second),
      /the federation partner\.example is for partner\.example already/,
    )
    const taken = await stack.signet('bundle', 'set', 'other.example', '--file', file, '--name', PARTNER)
    assert.equal(taken.code, 6)
    assert.match(taken.stderr, /is that of partner\.example: choose another name/)
  })

  it('keeps its name and labels when its bundle is set, and gets a generated name if the trust domain is too long', async () => {
    const named = await FakeIssuer.create(systemClock, 'named.example')
    const file = await fileWith(named.bundle().format().toString())
    await stack.apply(`kind: federation
version: v1
metadata: { name: third-party, labels: { team: pay } }
spec: { trust_domain: named.example, bundle: { keys: [] } }
`)
    const set = await stack.admin('bundle', 'set', 'named.example', '--file', file)
    assert.equal(set.stdout, 'federation third-party updated\n')
    assert.match((await stack.admin('get', 'federation', 'third-party')).stdout, /team: pay/)
    const renamed = await stack.signet('bundle', 'set', 'named.example', '--file', file, '--name', 'other')
    assert.match(renamed.stderr, /the federation of named\.example is third-party: leave out --name/)
    const long = `${'x'.repeat(60)}.example`
    const refused = await stack.signet('bundle', 'set', long, '--file', file)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /cannot be the name of a resource: choose one with --name/)
    const done = await stack.admin('bundle', 'set', long, '--file', file, '--name', 'long')
    assert.equal(done.stdout, 'federation long created\n')
  })

  it('may be applied after the workload identity that names it: apply warns, and the bundle follows', async () => {
    const done = await stack.apply(identityFor(UID, 'web', federated(`${PARTNER}, later.example`)))
    assert.match(
      done.stderr,
      /warning: .*:\d+: workload_identity web: there is no federation of later\.example yet/,
    )
    assert.doesNotMatch(done.stderr, /partner\.example/)
    using client = stack.client()
    using stream = client.stream('FetchX509Bundles')
    await stream.until((message) => ids(message).includes(PARTNER_ID))
    const later = await FakeIssuer.create(systemClock, 'later.example')
    const file = await fileWith(later.bundle().format().toString())
    await stack.admin('bundle', 'set', 'later.example', '--file', file)
    const message = await stream.until((each) => ids(each).length === 2)
    assert.deepEqual(message.bundles['spiffe://later.example'], later.bundle().x509Der())
  })

  it('without keys withdraws the trust, and apply says so', async () => {
    const done = await setBundle('{"keys":[]}')
    assert.match(done.stderr, /has no key that can be used, so nothing of partner\.example is trusted/)
    using client = stack.client()
    using stream = client.stream('FetchJWTBundles')
    const message = await stream.until(({ bundles }) => bundles[PARTNER_ID]?.toString() === '{"keys":[]}')
    assert.ok(message)
    const { token } = await partner.issueJwt(claim('db'), ['a'])
    await assert.rejects(validate(client, token), { code: INVALID_ARGUMENT })
  })
})
