import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { encodePem } from '../../src/crypto/pem.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { signet } from '../support/command.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'
import { nowSeconds, TestDomain } from '../support/test-domain.ts'

describe('svid inspect', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-inspect-'))
  })
  after(() => rm(directory, { recursive: true }))

  const fileOf = async (name: string, text: string | Buffer): Promise<string> => {
    const file = path.join(directory, name)
    await writeFile(file, text)
    return file
  }

  it('says why ValidateJWTSVID refuses a token: the time, and with a bundle everything else', async () => {
    const { bundle, signer, claims } = await createTestTrustDomain()
    const now = nowSeconds()
    const known = await fileOf('bundle.json', bundle.format())
    const empty = await fileOf('empty.json', '{"keys":[]}')
    const good = await fileOf('good.jwt', signer.sign({ ...claims, nbf: now - 60, exp: now + 300 }))
    const early = await fileOf('early.jwt', signer.sign({ ...claims, nbf: now + 7200, exp: now + 9000 }))
    const verdict = async (...args: string[]): Promise<string> => {
      const { stdout } = await signet(['svid', 'inspect', ...args])
      return /^verdict: +(.*)$/m.exec(stdout)?.[1] ?? stdout
    }
    assert.match(await verdict(good), /^not verified/)
    assert.equal(await verdict(good, '--bundle', known), 'valid')
    assert.match(await verdict(good, '--bundle', empty), /^refused: .*unknown_key/)
    assert.match(await verdict(good, '--bundle', known, '--audience', 'other'), /^refused: .*audience/)
    assert.match(await verdict(early), /^refused: .*not_yet_valid \(nbf is in \d+ s: is a clock wrong\?\)/)
  })

  it('says whether a chain of certificates verifies against a bundle', async () => {
    const [domain, other] = await Promise.all([TestDomain.create(), TestDomain.create()])
    const { x509Svid } = await domain.issue('/web')
    const file = await fileOf('svid.pem', encodePem('CERTIFICATE', x509Svid))
    const problemBy = async ({ ca }: TestDomain): Promise<unknown> => {
      const bundle = await fileOf('b.json', bundleWith(ca.der))
      const { stdout } = await signet(['svid', 'inspect', file, '--json', '--bundle', bundle])
      const { verified, problem } = JSON.parse(stdout)
      return verified === true ? undefined : problem
    }
    assert.equal(await problemBy(domain), undefined)
    assert.match(String(await problemBy(other)), /no trusted CA issued it/)
  })
})

function bundleWith(der: Buffer): Buffer {
  return Bundle.of({ trustDomain: 'example.org', x509Authorities: [der], jwtAuthorities: [] }).format()
}
