import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { splitCertificates, toPem } from '../support/certificates.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message } from '../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const needsOpenSsl =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl on this machine'
const OID = {
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extKeyUsage: '2.5.29.37',
}
const usage = (certificate: x509.X509Certificate): number =>
  certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0
const uris = (certificate: x509.X509Certificate): string[] =>
  (certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [])
    .filter(({ type }) => type === 'url')
    .map(({ value }) => value)

describe('an issued X.509-SVID', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'signet-x509-'))
  let stack: Stack
  let svid: Message
  let leaf: x509.X509Certificate
  let ca: x509.X509Certificate

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(identityFor(UID, 'web', '  x509: { ttl: 30m, dns_sans: [web.internal] }'))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    svid = (await stream.next()).svids[0]
    leaf = new x509.X509Certificate(splitCertificates(svid.x509Svid)[0]?.raw ?? Buffer.alloc(0))
    ca = new x509.X509Certificate(splitCertificates(svid.bundle)[0]?.raw ?? Buffer.alloc(0))
    writeFileSync(path.join(scratch, 'leaf.pem'), toPem(leaf.rawData))
    writeFileSync(path.join(scratch, 'ca.pem'), toPem(ca.rawData))
  })
  after(async () => {
    await stack?.[Symbol.asyncDispose]()
    rmSync(scratch, { recursive: true })
  })

  it('X5I-01: has exactly one URI SAN, its SPIFFE ID', () => {
    assert.deepEqual(uris(leaf), ['spiffe://example.org/web'])
  })

  it('X5I-02: has the configured DNS SANs', () => {
    const names = leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? []
    assert.deepEqual(
      names.filter(({ type }) => type === 'dns').map(({ value }) => value),
      ['web.internal'],
    )
  })

  it('X5I-04, T-32: has a critical SAN when the subject is empty', () => {
    assert.ok(leaf.subject !== '' || leaf.getExtension(OID.subjectAltName)?.critical)
  })

  it('X5I-05, T-31, interop 6: has basic constraints that are an empty SEQUENCE', () => {
    const extension = leaf.getExtension(OID.basicConstraints)
    assert.equal(Buffer.from(extension?.value ?? new ArrayBuffer()).toString('hex'), '3000')
  })

  it('X5I-06 to X5I-09, interop 6: has a critical key usage of digitalSignature only', () => {
    assert.equal(leaf.getExtension(OID.keyUsage)?.critical, true)
    assert.equal(usage(leaf), x509.KeyUsageFlags.digitalSignature)
  })

  it('X5I-10, X5I-11, T-33: has serverAuth and clientAuth', () => {
    const usages = leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []
    assert.deepEqual([...usages].sort(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  })

  it('X5I-13: does not outlive its CA, and lives as long as configured', () => {
    assert.ok(leaf.notAfter <= ca.notAfter)
    assert.ok(leaf.notBefore >= ca.notBefore)
    const minutes = (leaf.notAfter.getTime() - leaf.notBefore.getTime()) / 60_000
    assert.ok(minutes >= 30 && minutes <= 32, `${minutes} minutes`)
  })

  it('X5I-14: has the key identifiers of its own key and of its CA', () => {
    const own = leaf.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
    const issuer = leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId
    assert.ok(own)
    assert.equal(issuer, ca.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId)
  })

  it('STAB-04: has no extension under the SPIFFE arc', () => {
    for (const certificate of [leaf, ca]) {
      assert.ok(certificate.extensions.every(({ type }) => !type.startsWith('1.3.6.1.4.1.65980')))
    }
  })

  it('X5C-01, X5C-02, X5C-04, X5C-06: the CA certificate is a CA by a critical extension and may only sign certificates and CRLs', () => {
    const constraints = ca.getExtension(x509.BasicConstraintsExtension)
    assert.ok(constraints?.ca && constraints.critical)
    assert.ok(ca.getExtension(OID.keyUsage)?.critical)
    const allowed = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
    assert.ok(usage(ca) & x509.KeyUsageFlags.keyCertSign)
    assert.equal(usage(ca) & ~allowed, 0)
  })

  it('X5C-03: the CA allows no CA below it', () => {
    assert.equal(ca.getExtension(x509.BasicConstraintsExtension)?.pathLength, 0)
  })

  it('X5C-12 to X5C-14, T-37: the CA has no name constraints and no extended key usage', () => {
    assert.equal(ca.getExtension('2.5.29.30'), null)
    assert.equal(ca.getExtension(OID.extKeyUsage), null)
  })

  it("SVID-01, SVID-02, X5C-07 to X5C-09: the CA's URI SAN is the ID of the trust domain, without a path", () => {
    assert.deepEqual(uris(ca), ['spiffe://example.org'])
  })

  it('RFC 5280: passes openssl verify -x509_strict', { skip: needsOpenSsl }, () => {
    const out = execFileSync('openssl', [
      'verify',
      '-x509_strict',
      '-CAfile',
      `${scratch}/ca.pem`,
      `${scratch}/leaf.pem`,
    ])
    assert.match(out.toString(), /OK/)
  })

  for (const [clause, id] of [
    ['ID-18, X5I-03', ''],
    ['ID-18, X5I-03', '/'],
    ['X5I-12', 'spiffe://other.org/web'],
    ['ID-09', '/%61'],
    ['ID-10', '/a//b'],
    ['ID-10', '/a/..'],
    ['ID-11', '/a/'],
    ['ID-12', '/a b'],
    ['ID-12', '/é'],
    ['ID-03', '/a?x'],
    ['ID-03', '/a#'],
    ['ID-14', `/${'a'.repeat(2049 - 'spiffe://example.org/'.length)}`],
  ] as const) {
    it(`${clause}: refuses a workload identity with the ID ${JSON.stringify(id.slice(0, 30))}`, async () => {
      const yaml = identityFor(UID, 'bad').replace('spiffe_id: /bad', `spiffe_id: ${JSON.stringify(id)}`)
      await assert.rejects(stack.apply(yaml), /spiffe_id/)
    })
  }

  it('ID-13: an ID of 2048 bytes works end to end', async () => {
    const id = `/${'a'.repeat(2048 - 'spiffe://example.org/'.length)}`
    await stack.apply(identityFor(UID, 'long').replace('spiffe_id: /long', `spiffe_id: ${id}`))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const { svids } = await stream.until((message) => message.svids.length === 2)
    const spiffeId = `spiffe://example.org${id}`
    assert.ok(svids.some((found: Message) => found.spiffeId === spiffeId))
    const tokens = await client.unary('FetchJWTSVID', { audience: ['a'], spiffeId })
    const validated = await client.unary('ValidateJWTSVID', { audience: 'a', svid: tokens.svids[0].svid })
    assert.equal(validated.spiffeId, spiffeId)
  })
})

describe('the SPIFFE bundle of the authority', () => {
  let stack: Stack
  let bundle: Message

  before(async () => {
    stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    bundle = JSON.parse((await stack.admin('bundle', 'fetch', '--authority', '--format', 'spiffe')).stdout)
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  it('BND-01, BND-02, BND-05, BND-06: has keys, a sequence and a refresh hint in seconds', () => {
    assert.ok(Array.isArray(bundle.keys) && bundle.keys.length > 0)
    assert.ok(Number.isInteger(bundle.spiffe_sequence))
    assert.ok(Number.isInteger(bundle.spiffe_refresh_hint) && bundle.spiffe_refresh_hint > 0)
  })

  it('BND-08, BND-09, BND-10, BND-11, BND-12, BND-13, BND-14, BND-15, BND-16, BND-18, ENC-10, T-38: each key states its use, with the members of the standard', () => {
    for (const jwk of bundle.keys) {
      assert.ok(jwk.kty)
      assert.ok(['x509-svid', 'jwt-svid'].includes(jwk.use))
      const members = ['crv', 'kty', 'use', 'x', 'y', jwk.use === 'x509-svid' ? 'x5c' : 'kid']
      assert.deepEqual(Object.keys(jwk).sort(), members.sort())
      if (jwk.use === 'jwt-svid') continue
      assert.equal(jwk.x5c.length, 1)
      assert.match(jwk.x5c[0], /^[A-Za-z0-9+/]+=*$/)
      const [certificate, ...more] = splitCertificates(Buffer.from(jwk.x5c[0], 'base64'))
      assert.equal(more.length, 0)
      assert.ok(certificate?.verify(certificate.publicKey), 'self-signed')
      assert.deepEqual(certificate?.publicKey.export({ format: 'jwk' }), {
        crv: jwk.crv,
        kty: jwk.kty,
        x: jwk.x,
        y: jwk.y,
      })
    }
  })

  it('BND-19: coordinates have the full size of the field', () => {
    for (const { x, y } of bundle.keys) {
      for (const value of [x, y]) assert.equal(Buffer.from(value, 'base64url').length, 32)
    }
  })

  it('X5C-17: no key serves two purposes', async () => {
    const points = bundle.keys.map(({ x }: Message) => x)
    assert.equal(new Set(points).size, points.length)
    const cas = JSON.parse((await stack.admin('ca', 'list', '--json')).stdout)
    const purposes = new Set(cas.map(({ purpose }: Message) => purpose))
    assert.deepEqual([...purposes].sort(), ['control_issuing', 'control_root', 'jwt', 'spiffe_x509'])
    assert.equal(new Set(cas.map(({ keyId }: Message) => keyId)).size, cas.length)
  })

  it('X5C-11: the authority itself presents a certificate that is not a CA', async () => {
    const { hostname, port } = new URL(`tls://${stack.address}`)
    const socket = tls.connect({
      host: hostname,
      port: Number(port),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    })
    socket.on('error', () => undefined) // the server may reset it: no client certificate
    try {
      await once(socket, 'secureConnect')
      assert.equal(new X509Certificate(socket.getPeerCertificate().raw).ca, false)
    } finally {
      socket.destroy()
    }
  })

  it('BND-03: the sequence grows with each change and across a restart', async () => {
    const sequence = async (): Promise<number> =>
      JSON.parse((await stack.admin('bundle', 'fetch', '--authority', '--format', 'spiffe')).stdout)
        .spiffe_sequence
    const first = await sequence()
    await stack.admin('ca', 'rotate', 'spiffe_x509')
    const second = await sequence()
    assert.ok(second > first)
    await stack.authority.stop()
    await stack.startAuthority()
    assert.ok((await sequence()) >= second)
  })
})
