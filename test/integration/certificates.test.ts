import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { encodePem } from '../../src/crypto/pem.ts'
import { createTestCa, DAY, NOW, signTestLeaf } from '../support/crypto-fixtures.ts'

const hasOpenSsl = spawnSync('openssl', ['version']).status === 0
const skip = hasOpenSsl ? false : 'there is no openssl on this machine'

describe('certificates as openssl sees them', { skip }, () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'signet-certificates-'))
  })
  after(() => rmSync(directory, { recursive: true }))

  const write = (name: string, ...ders: readonly Buffer[]): string => {
    const file = path.join(directory, name)
    writeFileSync(file, ders.map((der) => encodePem('CERTIFICATE', der)).join(''))
    return file
  }
  const verify = (leaf: Buffer, roots: readonly Buffer[], between: readonly Buffer[], purpose: string) => {
    const args = ['verify', '-x509_strict', '-attime', String(NOW), '-purpose', purpose]
    args.push('-CAfile', write('roots.pem', ...roots))
    if (between.length > 0) args.push('-untrusted', write('between.pem', ...between))
    return spawnSync('openssl', [...args, write('leaf.pem', leaf)], { encoding: 'utf8' })
  }
  const show = (der: Buffer): string =>
    execFileSync('openssl', ['x509', '-noout', '-text', '-nameopt', 'RFC2253,-esc_msb,utf8'], {
      input: encodePem('CERTIFICATE', der),
      encoding: 'utf8',
    })

  for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
    it(`verify by its strict rules, with root and issuing CA on ${algorithm}`, async () => {
      const root = await createTestCa({ algorithm, name: 'root', pathLength: 1 })
      const issuing = await createTestCa({ algorithm, name: 'issuing', parent: root, pathLength: 0 })
      for (const leafAlgorithm of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
        const key = await generateKeyPair(leafAlgorithm)
        const leaf = signTestLeaf(issuing, key.publicKeyDer)
        for (const purpose of ['sslserver', 'sslclient']) {
          const result = verify(leaf, [root.der], [issuing.der], purpose)
          assert.equal(result.status, 0, result.stderr)
        }
      }
      const key = await generateKeyPair()
      const bot = signTestLeaf(issuing, key.publicKeyDer, {
        subject: { commonName: '01J', organization: 'builder', serialNumber: '1' },
        extKeyUsages: ['clientAuth'],
      })
      assert.equal(verify(bot, [root.der], [issuing.der], 'sslclient').status, 0)
      assert.notEqual(verify(bot, [root.der], [issuing.der], 'sslserver').status, 0, 'not as a server')
      const stranger = await createTestCa({ algorithm, name: 'root', pathLength: 1 })
      assert.notEqual(
        verify(bot, [stranger.der], [issuing.der], 'sslclient').status,
        0,
        'not under another root',
      )
    })
  }

  it('verify by its strict rules whatever is requested', async () => {
    const ca = await createTestCa({ uriSan: 'spiffe://example.org', pathLength: 0 })
    const { publicKeyDer } = await generateKeyPair()
    const input = fc.record({
      serial: fc.uint8Array({ minLength: 1, maxLength: 19 }).map((bytes) => Buffer.from([...bytes, 1])),
      notBefore: fc.integer({ min: NOW - DAY, max: NOW }),
      notAfter: fc.integer({ min: NOW + 1, max: NOW + 29 * DAY }),
      uriSan: fc.stringMatching(/^spiffe:\/\/[a-z0-9._-]{1,40}(\/[A-Za-z0-9_-]{1,40}){1,6}$/),
      dnsSans: fc.array(fc.stringMatching(/^[a-z]{1,10}(\.[a-z]{1,10}){0,3}$/), { maxLength: 4 }),
      subject: fc.record(
        {
          commonName: fc.stringMatching(/^[a-zäöü]{1,20}$/),
          serialNumber: fc.stringMatching(/^[0-9]{1,10}$/),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    })
    fc.assert(
      fc.property(input, (wanted) => {
        const leaf = signTestLeaf(ca, publicKeyDer, wanted)
        const result = verify(leaf, [ca.der], [], 'sslserver')
        assert.equal(result.status, 0, result.stderr)
        const text = show(leaf)
        const names = [`URI:${wanted.uriSan}`, ...wanted.dnsSans.map((name) => `DNS:${name}`)].join(', ')
        assert.ok(text.includes(`${names}\n`), text)
        const { commonName = '', serialNumber = '' } = wanted.subject
        assert.ok(text.includes(commonName) && text.includes(serialNumber), text)
        const isNamed = commonName !== '' || serialNumber !== ''
        assert.match(text, isNamed ? /Alternative Name: *\n/ : /Alternative Name: critical *\n/)
      }),
      { numRuns: 25 },
    )
  })

  it('have the expected contents in its output', async () => {
    const ca = await createTestCa({ name: 'CA, with "signs"', uriSan: 'spiffe://example.org', pathLength: 0 })
    const { publicKeyDer } = await generateKeyPair()
    const leaf = show(signTestLeaf(ca, publicKeyDer, { serial: Buffer.of(0x80) }))
    assert.match(leaf, /Version: 3 \(0x2\)/)
    assert.match(leaf, /Serial Number: 128 \(0x80\)/)
    assert.match(leaf, /Signature Algorithm: ecdsa-with-SHA256/)
    assert.match(leaf, /Basic Constraints: critical\s+CA:FALSE/)
    assert.match(leaf, /X509v3 Key Usage: critical\s+Digital Signature\n/)
    assert.match(
      leaf,
      /Extended Key Usage: *\n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
    )
    assert.match(leaf, /Subject Alternative Name: critical\s+URI:spiffe:\/\/example\.org\/web\n/)
    assert.match(leaf, /Subject: *\n/)
    const authority = show(ca.der)
    assert.match(authority, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
    assert.match(authority, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
    assert.match(authority, /URI:spiffe:\/\/example\.org\n/)
    const keyId = /Subject Key Identifier: *\n\s+(\S+)/.exec(authority)?.[1]
    assert.equal(keyId?.replaceAll(':', '').toLowerCase(), ca.ca.keyId)
    assert.equal(/Authority Key Identifier: *\n\s+(?:keyid:)?(\S+)/.exec(leaf)?.[1], keyId)
  })
})
