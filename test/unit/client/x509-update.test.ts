import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { InvalidUpdateError } from '../../../src/client/errors.ts'
import { parseX509Update } from '../../../src/client/x509-update.ts'
import { encodeMessage } from '../../../src/rpc/services.ts'
import { nowSeconds, TestDomain } from '../../support/test-domain.ts'

describe('a message of FetchX509SVID', () => {
  it('is read whole: SVIDs in order, keys, hints, and bundles by trust domain', async () => {
    const [domain, partner] = await Promise.all([TestDomain.create(), TestDomain.create('partner.example')])
    const svids = [{ ...(await domain.issue('/web')), hint: 'w' }, await domain.issue('/db')]
    const federatedBundles = { 'spiffe://partner.example': partner.bundle }
    const update = parseX509Update(
      encodeMessage('X509SVIDResponse', { svids, federatedBundles }),
      nowSeconds(),
    )
    assert.deepEqual(
      update.svids.map(({ spiffeId, hint }) => [spiffeId.path, hint]),
      [
        ['/web', 'w'],
        ['/db', ''],
      ],
    )
    assert.deepEqual([...update.bundles.keys()].sort(), ['example.org', 'partner.example'])
    assert.equal(update.svids[0]?.privateKey.type, 'private')
  })

  it('whatever its bytes are, is read or refused in one way, which discloses none of them', async () => {
    const domain = await TestDomain.create()
    const good = encodeMessage('X509SVIDResponse', { svids: [await domain.issue('/web')] })
    const now = nowSeconds()
    const refusal = (bytes: Buffer): unknown => {
      try {
        parseX509Update(bytes, now)
        return undefined
      } catch (error) {
        return error
      }
    }
    const check = (bytes: Buffer): void => {
      const error = refusal(bytes)
      assert.ok(error === undefined || error instanceof InvalidUpdateError, String(error))
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => check(Buffer.from(bytes))))
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, to] of changes) bytes[at] = to
        check(bytes)
      }),
      { numRuns: 300 },
    )
  })
})
