import assert from 'node:assert/strict'
import { createHash, createPublicKey, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  exportPkcs8,
  generateKeyPair,
  keyIdentifier,
  loadKeyPair,
  parsePublicKey,
  spkiSha256,
} from '../../../src/crypto/keys.ts'
import { decodePem, encodePem } from '../../../src/crypto/pem.ts'
import { checkProof, type ProofContext, proveSync } from '../../../src/crypto/proof-of-possession.ts'
import { loadSealingKey, seal, unseal } from '../../../src/crypto/sealed.ts'

const pair = await generateKeyPair()
const INVALID_KEY = { code: 'ERR_CRYPTO_KEY_INVALID', kind: 'invalid_argument' }

describe('a key pair', () => {
  for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048', 'ed25519'] as const) {
    it(`of ${algorithm} survives a round trip through PKCS#8`, async () => {
      const made = await generateKeyPair(algorithm)
      const again = loadKeyPair(exportPkcs8(made.privateKey))
      assert.deepEqual(again.publicKeyDer, made.publicKeyDer)
      assert.ok(again.privateKey.equals(made.privateKey))
    })
  }

  it('is not read from anything else, and the error does not disclose what was read', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('secret'), pair.publicKeyDer]) {
      assert.throws(() => loadKeyPair(bytes), {
        ...INVALID_KEY,
        message: 'not a private key in PKCS#8',
      })
    }
  })
})

describe('parsePublicKey', () => {
  const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' })
  const rsaOf = (change: object): Buffer => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
    return spki(createPublicKey({ key: { ...jwk, ...change }, format: 'jwk' }))
  }
  /** A key on a curve, with its point in another form. */
  const ecPoint = (curve: 'P-256' | 'P-384', form: 'compressed' | 'hybrid'): Buffer => {
    const der = spki(generateKeyPairSync('ec', { namedCurve: curve }).publicKey)
    const bytes = curve === 'P-256' ? 65 : 97
    const head = Buffer.from(der.subarray(0, -bytes))
    const node = curve === 'P-256' ? 'prime256v1' : 'secp384r1'
    const point = ECDH.convertKey(der.subarray(-bytes), node, undefined, undefined, form) as Buffer
    const shorter = bytes - point.length
    if (shorter > 0) for (const at of [1, head.length - 2]) head[at] = (head[at] ?? 0) - shorter
    return Buffer.concat([head, point])
  }
  it('accepts P-256, P-384 and RSA', async () => {
    for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
      const { publicKeyDer, publicKey } = await generateKeyPair(algorithm)
      assert.ok(parsePublicKey(publicKeyDer).equals(publicKey))
    }
  })
  for (const [what, make] of Object.entries<() => Buffer>({
    nothing: () => Buffer.alloc(0),
    'trailing bytes': () => Buffer.concat([pair.publicKeyDer, Buffer.of(0)]),
    'a point that is not on the curve': () => Buffer.from(pair.publicKeyDer).fill(1, 40),
    Ed25519: () => spki(generateKeyPairSync('ed25519').publicKey),
    'P-521': () => spki(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey),
    secp256k1: () => spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
    'a curve with explicit parameters': () =>
      spki(generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey),
    'RSA of 1024 bits': () => spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
    'RSA with the exponent 3': () =>
      spki(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey),
    'a compressed point': () => ecPoint('P-256', 'compressed'),
    'a hybrid point': () => ecPoint('P-384', 'hybrid'),
    'RSA with an even exponent': () => rsaOf({ e: 'AQAC' }),
    'RSA with the exponent 1': () => rsaOf({ e: 'AQ' }),
    Ed448: () => spki(generateKeyPairSync('ed448').publicKey),
    X25519: () => spki(generateKeyPairSync('x25519').publicKey),
    DSA: () => spki(generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey),
    'RSA-PSS': () => spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parsePublicKey(make()), INVALID_KEY)
    })
  }
})

it('a key identifier is the first 160 bits of the SHA-256 of the key bits alone (RFC 7093)', () => {
  const point = pair.publicKeyDer.subarray(-65)
  assert.deepEqual(
    keyIdentifier(pair.publicKeyDer),
    createHash('sha256').update(point).digest().subarray(0, 20),
  )
  assert.equal(spkiSha256(pair.publicKeyDer), createHash('sha256').update(pair.publicKeyDer).digest('hex'))
  assert.throws(() => keyIdentifier(Buffer.from('3003020101', 'hex')), INVALID_KEY)
})

describe('sealed data', () => {
  const key = loadSealingKey(Buffer.alloc(32, 1))
  const UNSEAL = { code: 'ERR_CRYPTO_UNSEAL', kind: 'failed_precondition' }
  it('opens only with the same key and context, and discloses nothing', () => {
    const sealed = seal(key, Buffer.from('plaintext'), 'state')
    assert.equal(unseal(key, sealed, 'state').toString(), 'plaintext')
    assert.ok(!sealed.includes('plaintext'))
    assert.notDeepEqual(seal(key, Buffer.from('plaintext'), 'state'), sealed)
    assert.throws(() => unseal(key, sealed, 'other'), UNSEAL)
    assert.throws(() => unseal(loadSealingKey(Buffer.alloc(32, 2)), sealed, 'state'), UNSEAL)
  })
  it('does not open after any flipped bit or any cut', () => {
    const sealed = seal(key, Buffer.from('x'), 'state')
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.throws(() => unseal(key, changed, 'state'), UNSEAL)
    }
    for (let end = 0; end < sealed.length; end++)
      assert.throws(() => unseal(key, sealed.subarray(0, end), 'state'), UNSEAL)
  })
  it('needs a key of 32 bytes', () => {
    for (const length of [0, 16, 31, 33])
      assert.throws(() => loadSealingKey(Buffer.alloc(length)), INVALID_KEY)
  })
})

describe('PEM', () => {
  it('survives a round trip, with several blocks and text between them', () => {
    const text = `# comment\n${encodePem('CERTIFICATE', Buffer.alloc(100, 7))}${encodePem('PRIVATE KEY', Buffer.of(1))}`
    const blocks = [
      { label: 'CERTIFICATE', der: Buffer.alloc(100, 7) },
      { label: 'PRIVATE KEY', der: Buffer.of(1) },
    ]
    assert.deepEqual(decodePem(text), blocks)
    assert.deepEqual(decodePem(text.replaceAll('\n', '\r\n')), blocks)
    assert.ok(text.split('\n').every((line) => line.length <= 64))
  })
  for (const text of [
    '',
    'text',
    '-----BEGIN A-----\nAA==',
    '-----BEGIN A-----\nAA==\n-----END B-----',
    '-----END A-----',
    '-----BEGIN A-----\n-----END A-----',
    '-----BEGIN A-----\nAB==\n-----END A-----',
    '-----BEGIN A-----\nAA=\n-----END A-----',
    '-----BEGIN A-----\nkey: x\n-----END A-----',
    '-----BEGIN A-----\n-----BEGIN A-----\nAA==\n-----END A-----',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => decodePem(text), { code: 'ERR_CRYPTO_PEM_INVALID' })
    })
  }
})

describe('a proof of possession', () => {
  const join: ProofContext = { purpose: 'join', trustDomain: 'example.org', joinToken: 'first' }
  const renew: ProofContext = {
    purpose: 'renew',
    trustDomain: 'example.org',
    botInstanceId: 'i',
    generation: 7,
  }
  const contexts: readonly ProofContext[] = [
    join,
    renew,
    { ...join, trustDomain: 'example.com' },
    { ...join, joinToken: 'second' },
    { ...join, trustDomain: 'example.orgf', joinToken: 'irst' },
    { ...renew, botInstanceId: 'j' },
    { ...renew, generation: 8 },
    { ...renew, botInstanceId: 'i7', generation: 0 },
  ]
  it('is valid only for its own context', async () => {
    const rsa = await generateKeyPair('rsa-2048')
    for (const key of [pair, rsa]) {
      for (const [index, context] of contexts.entries()) {
        const proof = proveSync(context, key)
        const fits = contexts.map((each) => checkProof(each, key.publicKeyDer, proof))
        assert.deepEqual(
          fits,
          contexts.map((_, other) => other === index),
        )
      }
    }
  })
  it('is not valid for another key, or for no key', async () => {
    const proof = proveSync(join, pair)
    assert.equal(checkProof(join, (await generateKeyPair()).publicKeyDer, proof), false)
    assert.equal(checkProof(join, Buffer.from('no key'), proof), false)
    assert.equal(checkProof(join, pair.publicKeyDer, Buffer.alloc(0)), false)
  })
})
