import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, type X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { splitCertificates } from '../support/certificates.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadStream } from '../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const needsOpenSsl =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl on this machine'

/** What a certificate says of its key: `EC prime256v1`, `RSA 2048`. */
function keyOf(svid: Message): string {
  const leaf = splitCertificates(svid.x509Svid)[0] as X509Certificate
  const { namedCurve, modulusLength } = leaf.publicKey.asymmetricKeyDetails ?? {}
  const pkcs8 = createPrivateKey({ key: svid.x509SvidKey, format: 'der', type: 'pkcs8' })
  assert.ok(createPublicKey(pkcs8).equals(leaf.publicKey), 'the private key is another one')
  return `${leaf.publicKey.asymmetricKeyType} ${namedCurve ?? modulusLength}`
}

const nameOf = (svid: Message): string => svid.spiffeId.replace('spiffe://example.org/', '')
const byName = (message: Message): Map<string, Message> =>
  new Map(message.svids.map((svid: Message) => [nameOf(svid), svid]))

const KEYS = { p256: 'ec prime256v1', p384: 'ec secp384r1', rsa: 'rsa 2048' } as const
const THREE =
  identityFor(UID, 'p256') +
  '---' +
  identityFor(UID, 'p384', '  x509: { key_type: ec-p384 }') +
  '---' +
  identityFor(UID, 'rsa', '  x509: { key_type: rsa-2048 }')

describe('the keys of X.509-SVIDs', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(THREE)
  })
  after(() => stack?.[Symbol.asyncDispose]())

  /** A stream and its first message that holds this many SVIDs. */
  async function open(count: number): Promise<{ stream: WorkloadStream; first: Message } & Disposable> {
    const client = stack.client()
    const stream = client.stream('FetchX509SVID', {}, { deadlineMs: 120_000 })
    const first = await stream.until(({ svids }) => svids.length === count)
    return { stream, first, [Symbol.dispose]: () => client[Symbol.dispose]() }
  }

  it('are of the type that each workload identity names, P-256 where it names none', async () => {
    using opened = await open(3)
    const found = [...byName(opened.first)].map(([name, svid]) => [name, keyOf(svid)])
    assert.deepEqual(Object.fromEntries(found), KEYS)
  })

  it('are taken by openssl, as server and as client', { skip: needsOpenSsl }, async () => {
    using opened = await open(3)
    for (const [name, svid] of byName(opened.first)) {
      const file = (what: string): string => path.join(stack.directory, `${name}-${what}.pem`)
      const [leaf] = splitCertificates(svid.x509Svid)
      writeFileSync(file('leaf'), String(leaf))
      writeFileSync(file('roots'), splitCertificates(svid.bundle).join(''))
      for (const purpose of ['sslserver', 'sslclient']) {
        const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', file('roots'), file('leaf')]
        assert.match(execFileSync('openssl', args, { encoding: 'utf8' }), /: OK/)
      }
      const text = execFileSync('openssl', ['x509', '-noout', '-text', '-in', file('leaf')], {
        encoding: 'utf8',
      })
      assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/)
    }
  })

  it('change at once on an open stream when the workload identity does', async () => {
    using opened = await open(3)
    const before = byName(opened.first).get('p256')
    for (const [keyType, expected] of [
      ['rsa-2048', KEYS.rsa],
      ['ec-p384', KEYS.p384],
    ] as const) {
      await stack.apply(identityFor(UID, 'p256', `  x509: { key_type: ${keyType} }`))
      const message = await opened.stream.until((each) => {
        const svid = byName(each).get('p256')
        return svid !== undefined && keyOf(svid) === expected
      })
      assert.notDeepEqual(byName(message).get('p256')?.x509Svid, before?.x509Svid)
    }
    await stack.apply(identityFor(UID, 'p256'))
    await opened.stream.until(
      (each) => keyOf(byName(each).get('p256') ?? opened.first.svids[0]) === KEYS.p256,
    )
  })

  it('are kept over a restart of the agent while there is no authority', async () => {
    using opened = await open(3)
    const before = byName(opened.first)
    await stack.agent.stop()
    await stack.authority.stop()
    await stack.launchAgent()
    using again = await open(3)
    for (const [name, svid] of byName(again.first)) {
      assert.deepEqual(svid.x509SvidKey, before.get(name)?.x509SvidKey)
      assert.equal(keyOf(svid), KEYS[name as keyof typeof KEYS])
    }
    await stack.startAuthority()
  })
})

describe('forty RSA identities at once', () => {
  const IDENTITIES = 40

  it('are all issued, and hold back neither the identity on P-256 nor another caller', async () => {
    await using stack = await Stack.start({ inProcess: true })
    const rsa = (n: number): string =>
      identityFor(UID, `rsa-${String(n).padStart(3, '0')}`, '  x509: { key_type: rsa-2048 }')
    const all = Array.from({ length: IDENTITIES }, (_, n) => rsa(n))
    using client = stack.client()
    await stack.apply([identityFor(UID, 'z-last'), ...all].join('---'))
    using stream = client.stream('FetchX509SVID', {}, { deadlineMs: 120_000 })
    const first = await stream.next()
    assert.ok(byName(first).has('z-last'), 'the first message is without the one that needs no RSA key')
    assert.ok(first.svids.length < IDENTITIES + 1, 'it waited for all of them')
    const { svids } = await client.unary('FetchJWTSVID', {
      audience: ['a'],
      spiffeId: 'spiffe://example.org/rsa-000',
    })
    assert.equal(svids.length, 1)
    const last = await stream.until((message) => message.svids.length === IDENTITIES + 1)
    const serials = new Set(
      last.svids.map((svid: Message) => splitCertificates(svid.x509Svid)[0]?.serialNumber),
    )
    assert.equal(serials.size, IDENTITIES + 1)
    for (const [name, svid] of byName(last)) {
      assert.equal(keyOf(svid), name === 'z-last' ? KEYS.p256 : KEYS.rsa)
    }
  })
})
