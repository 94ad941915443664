import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateKeyPair, importSpki } from '../../src/crypto/keys.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { readingProblem } from '../../src/crypto/x509-readable.ts'
import { findReaders } from './readers/find-readers.ts'
import { certificatesByHand, changedCertificates } from './readers/odd-certificates.ts'

/** Number of mutated certificates. Every reader refuses most of them. */
const CHANGED = 30_000
const SEED = 20_261_128

const keys = await Promise.all((['ec-p256', 'ec-p384', 'rsa-2048', 'ed25519'] as const).map(generateKeyPair))
const byHand = certificatesByHand(keys)
const delivered = [...byHand, ...changedCertificates(byHand, SEED, CHANGED)].filter(isDelivered)
const plain = byHand[0] as Buffer
const readers = await findReaders()

/** Whether a bundle with this certificate is delivered. */
function isDelivered(der: Buffer): boolean {
  try {
    const certificate = parseCertificate(der)
    importSpki(certificate.publicKeyDer)
    return certificate.isCa && readingProblem(certificate) === undefined
  } catch {
    return false // malformed, which is not tested here
  }
}

describe('certificates of CAs that are delivered to workloads', () => {
  it('include enough unusual ones', () => {
    assert.ok(isDelivered(plain))
    assert.ok(delivered.length > 1_000, `${delivered.length} of ${byHand.length + CHANGED}`)
  })

  for (const reader of readers) {
    const skip = 'skipped' in reader && `reader ${reader.title} skipped: ${reader.skipped}`
    it(`are all read by ${reader.title}`, { skip }, async () => {
      if ('skipped' in reader) return
      const answers = await reader.read(delivered)
      const refused = delivered.flatMap((der, at) =>
        answers[at] === 'yes' ? [] : [`${answers[at]}: ${der.toString('base64')}`],
      )
      assert.deepEqual(refused, [])
      // Check that the reader does verify: it refuses a truncated certificate.
      const [cut] = await reader.read([plain.subarray(0, -20)])
      assert.match(cut ?? '', /^no: /)
    })
  }
})
