import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusePublicKey } from '../../../../src/authority/issuance/public-key.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'

describe('the public key that a certificate is requested for', () => {
  it('must be of the type that its identity has', async () => {
    const { publicKeyDer } = await generateKeyPair('ec-p384')
    assert.equal(refusePublicKey(publicKeyDer, 'ec-p384'), undefined)
    assert.equal(refusePublicKey(publicKeyDer, 'ec-p256'), 'public key: not of the type ec-p256')
  })

  it('must be a key', () => {
    assert.match(refusePublicKey(Buffer.from('none'), 'ec-p256') ?? '', /^public key: \S/)
  })
})
