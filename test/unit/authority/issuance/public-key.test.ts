import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusePublicKey } from '../../../../src/authority/issuance/public-key.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'

describe('the public key for which a certificate is asked', () => {
  it('is of the type that its identity has', async () => {
    const { publicKeyDer } = await generateKeyPair('ec-p384')
    assert.equal(refusePublicKey(publicKeyDer, 'ec-p384'), undefined)
    assert.equal(refusePublicKey(publicKeyDer, 'ec-p256'), 'public key: not of the type ec-p256')
  })

  it('is a key', () => {
    assert.match(refusePublicKey(Buffer.from('none'), 'ec-p256') ?? '', /^public key: \S/)
  })
})
