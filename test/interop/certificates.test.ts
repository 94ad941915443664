import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateKeyPair, importSpki } from '../../src/crypto/keys.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { readingProblem } from '../../src/crypto/x509-readable.ts'
import { findReaders } from './readers/find-readers.ts'
import { certificatesByHand, changedCertificates } from './readers/odd-certificates.ts'

/** Of changed ones; most are refused by everybody. */
const CHANGED = 30_000
const SEED = 20_261_128

const keys = await Promise.all((['ec-p256', 'ec-p384', 'rsa-2048', 'ed25519'] as const).map(generateKeyPair))
const byHand = certificatesByHand(keys)
const delivered = [...byHand, ...changedCertificates(byHand, SEED, CHANGED)].filter(isDelivered)
const plain = byHand[0] as Buffer
const readers = await findReaders()

/** As a bundle decides it. */
function isDelivered(der: Buffer): boolean {
  try {
    const certificate = parseCertificate(der)
    importSpki(certificate.publicKeyDer)
    return certificate.isCa && readingProblem(certificate) === undefined
  } catch {
    return false // broken: not what is tested here
  }
}

describe('certificates of CAs that are delivered to workloads', () => {
  it('are enough of the odd ones to try', () => {
    assert.ok(isDelivered(plain))
    assert.ok(delivered.length > 1_000, `${delivered.length} of ${byHand.length + CHANGED}`)
  })

  for (const reader of readers) {
    const skip = 'skipped' in reader && `reader ${reader.title} skipped: ${reader.skipped}`
    it(`are read by ${reader.title}, every one`, { skip }, async () => {
      if ('skipped' in reader) return
      const answers = await reader.read(delivered)
      const refused = delivered.flatMap((der, at) =>
        answers[at] === 'yes' ? [] : [`${answers[at]}: ${der.toString('base64')}`],
      )
      assert.deepEqual(refused, [])
      // It does look: what is no certificate is refused.
      const [cut] = await reader.read([plain.subarray(0, -20)])
      assert.match(cut ?? '', /^no: /)
    })
  }
})
