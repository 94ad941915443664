import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { it } from 'node:test'
import { generateKeyPair } from '../../../src/crypto/keys.ts'
import { jwtSvidFiles, x509SvidFiles } from '../../../src/spiffe/svid-files.ts'
import { createTestCa, signTestLeaf } from '../../support/crypto-fixtures.ts'

it('the files of an X.509-SVID match, and the key comes first and is for its owner alone', async () => {
  const [ca, second, key] = await Promise.all([createTestCa(), createTestCa(), generateKeyPair()])
  const files = x509SvidFiles({
    x509Svid: signTestLeaf(ca, key.publicKeyDer),
    x509SvidKey: key.privateKey.export({ format: 'der', type: 'pkcs8' }),
    bundle: Buffer.concat([ca.ca.certificateDer, second.ca.certificateDer]),
  })
  assert.deepEqual(
    files.map(({ name, mode }) => [name, mode]),
    [
      ['svid.key', 0o600],
      ['svid.pem', 0o644],
      ['bundle.pem', 0o644],
    ],
  )
  const [privateKey, svid, bundle] = files.map(({ data }) => String(data))
  assert.ok(new X509Certificate(svid ?? '').checkPrivateKey(createPrivateKey(privateKey ?? '')))
  assert.equal(bundle?.match(/BEGIN CERTIFICATE/g)?.length, 2)
})

it('the file of a JWT-SVID is for its owner alone', () => {
  assert.deepEqual(jwtSvidFiles('a.b.c'), [{ name: 'svid.jwt', data: 'a.b.c', mode: 0o600 }])
})
