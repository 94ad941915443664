import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../../support/patience.ts'
import { ScriptedSource } from '../../support/scripted-source.ts'
import { nowSeconds, TestDomain } from '../../support/test-domain.ts'

describe('an update', () => {
  const BAD: readonly (readonly [string, (scripted: ScriptedSource) => Promise<object | Buffer>])[] = [
    ['that is not a message', async () => Buffer.from('garbage')],
    ['without an SVID', async () => ({ svids: [] })],
    [
      'with an empty bundle',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), bundle: Buffer.alloc(0) }] }),
    ],
    [
      'with an empty chain',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), x509Svid: Buffer.alloc(0) }] }),
    ],
    [
      'whose key is not a key',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), x509SvidKey: Buffer.from('x') }] }),
    ],
    [
      'with the key of another certificate',
      async ({ domain }) => {
        const [svid, other] = await Promise.all([domain.issue('/web'), domain.issue('/web')])
        return { svids: [{ ...svid, x509SvidKey: other.x509SvidKey }] }
      },
    ],
    [
      'whose certificate has another ID than the message',
      async ({ domain }) => ({
        svids: [{ ...(await domain.issue('/web')), spiffeId: domain.idOf('/admin') }],
      }),
    ],
    [
      'whose certificate has expired',
      async ({ domain }) => ({
        svids: [await domain.issue('/web', { notBefore: nowSeconds() - 90, notAfter: nowSeconds() - 10 })],
      }),
    ],
    [
      'that its own bundle does not verify',
      async ({ domain }) => {
        const foreign = await TestDomain.create()
        return { svids: [{ ...(await domain.issue('/web')), bundle: foreign.bundle }] }
      },
    ],
  ]
  for (const [what, make] of BAD) {
    it(`${what} is reported, and the previous one stays; the next valid one is used`, async () => {
      await using scripted = await ScriptedSource.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      const before = source.svid
      call.send(await make(scripted))
      await until(() => scripted.problems.length > 0)
      assert.equal(scripted.problems[0]?.code, 'ERR_CLIENT_UPDATE_INVALID')
      assert.equal(source.problem, scripted.problems[0])
      assert.equal(source.svid, before)
      call.send({ svids: [await scripted.domain.issue('/web')] })
      await until(() => source.svid !== before)
      assert.equal(source.problem, undefined)
      assert.equal(scripted.api.waiting, 0, 'on the same stream')
    })
  }

  /**
   * A valid update for `web` plus one invalid element: its name, the expected problem, and how to
   * build it.
   */
  const PARTLY: readonly (readonly [string, RegExp, (scripted: ScriptedSource) => Promise<object>])[] = [
    [
      'a second SVID whose key is invalid',
      /an SVID is left out/,
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/db')), x509SvidKey: Buffer.from('x') }] }),
    ],
    [
      'a second SVID that has expired',
      /an SVID is left out: .*expired/,
      async ({ domain }) => ({
        svids: [await domain.issue('/db', { notBefore: nowSeconds() - 90, notAfter: nowSeconds() - 10 })],
      }),
    ],
    [
      'a federated bundle under a name that is not an ID',
      /a federated bundle/,
      async ({ domain }) => ({ federatedBundles: { 'partner.example': domain.bundle } }),
    ],
    [
      'a federated bundle that is malformed',
      /bundle of partner\.example 1 bytes at the end is left out/,
      async () => ({ federatedBundles: { 'spiffe://partner.example': Buffer.from('x') } }),
    ],
  ]
  for (const [what, problem, make] of PARTLY) {
    it(`with ${what} is used without it, and that is reported`, async () => {
      await using scripted = await ScriptedSource.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      const before = source.svid
      const other = await TestDomain.create('other.example')
      const { svids = [], federatedBundles = {} } = (await make(scripted)) as {
        svids?: []
        federatedBundles?: object
      }
      call.send({
        svids: [await scripted.domain.issue('/web'), ...svids],
        federatedBundles: { 'spiffe://other.example': other.bundle, ...federatedBundles },
      })
      await until(() => scripted.problems.length > 0)
      assert.notEqual(source.svid, before)
      assert.equal(source.svids.length, 1)
      assert.deepEqual(source.bundleFor('other.example')?.x509Authorities, [other.ca.der])
      assert.equal(source.bundleFor('partner.example')?.x509Authorities.length ?? 0, 0)
      assert.equal(scripted.problems[0]?.code, 'ERR_CLIENT_UPDATE_INVALID')
      assert.match(scripted.problems[0]?.message ?? '', problem)
      assert.equal(source.problem, scripted.problems[0])
    })
  }

  it('with one invalid root in a bundle is used without that root', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    const partner = await TestDomain.create('partner.example')
    const odd = Buffer.from('3003020101', 'hex')
    const svid = await scripted.domain.issue('/web')
    call.send({
      svids: [{ ...svid, bundle: Buffer.concat([odd, svid.bundle]) }],
      federatedBundles: { 'spiffe://partner.example': Buffer.concat([partner.bundle, odd, Buffer.of(1, 2)]) },
    })
    await until(() => scripted.problems.length > 1)
    assert.deepEqual(source.bundleFor('example.org')?.x509Authorities, [scripted.domain.ca.der])
    assert.deepEqual(source.bundleFor('partner.example')?.x509Authorities, [partner.ca.der])
    assert.equal(source.svids.length, 1)
  })

  it('keeps the previous SVID in place of an unusable one, while the bundle verifies it', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    const before = source.svid
    const { domain } = scripted
    const broken = { ...(await domain.issue('/web')), x509SvidKey: Buffer.from('x') }
    call.send({ svids: [broken, await domain.issue('/db')] })
    await until(() => source.svids.length === 2)
    assert.deepEqual([source.svid, source.svids[1]?.spiffeId.path], [before, '/db'])
    const foreign = await TestDomain.create()
    call.send({ svids: [{ ...broken, bundle: foreign.bundle }, await foreign.issue('/db')] })
    await until(() => source.svids.length === 1)
    assert.equal(source.svid.spiffeId.path, '/db')
  })

  it('replaces everything: a federated bundle that it does not contain is dropped', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    const partner = await TestDomain.create('partner.example')
    const svids = [await scripted.domain.issue('/web')]
    call.send({ svids, federatedBundles: { 'spiffe://partner.example': partner.bundle } })
    await until(() => source.bundleFor('partner.example') !== undefined)
    call.send({ svids })
    await until(() => source.bundleFor('partner.example') === undefined)
    assert.deepEqual(scripted.problems, [])
  })

  it('cannot replace the own bundle by a federated one', async () => {
    await using scripted = await ScriptedSource.start()
    const connecting = scripted.connect()
    const foreign = await TestDomain.create()
    const federatedBundles = { 'spiffe://example.org': foreign.bundle }
    ;(await scripted.api.call()).send({ svids: [await scripted.domain.issue('/web')], federatedBundles })
    await using source = await connecting
    assert.deepEqual(source.bundleFor('example.org')?.x509Authorities, [scripted.domain.ca.der])
  })

  it('with two SVIDs with one hint: the first is picked', async () => {
    await using scripted = await ScriptedSource.start()
    const connecting = scripted.connect({ pick: { hint: 'a' } })
    const [web, db] = await Promise.all([scripted.domain.issue('/web'), scripted.domain.issue('/db')])
    ;(await scripted.api.call()).send({
      svids: [
        { ...web, hint: 'a' },
        { ...db, hint: 'a' },
      ],
    })
    await using source = await connecting
    assert.equal(source.svid.spiffeId.path, '/web')
  })

  it('without the picked SVID leaves none, rather than another', async () => {
    await using scripted = await ScriptedSource.start()
    const connecting = scripted.connect({ pick: { spiffeId: 'spiffe://example.org/db' } })
    const call = await scripted.api.call()
    const [web, db] = await Promise.all([scripted.domain.issue('/web'), scripted.domain.issue('/db')])
    call.send({ svids: [web] }) // without the picked one
    call.send({ svids: [web, db] })
    await using source = await connecting
    assert.equal(source.svid.spiffeId.path, '/db')
    call.send({ svids: [web] })
    await until(() => source.svids.length === 1)
    assert.throws(() => source.svid, { code: 'ERR_CLIENT_NO_SVID', reason: 'not_picked' })
  })
})
