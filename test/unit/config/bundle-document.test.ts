import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { readableBundle } from '../../../src/config/bundle-document.ts'
import { MAX_BUNDLE_BYTES } from '../../../src/config/bundle-files.ts'
import { parseResources } from '../../../src/config/resources.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { FakeIssuer } from '../../fakes/fake-issuer.ts'

describe('the bundle of a federation', () => {
  let json: string
  before(async () => {
    json = (await FakeIssuer.create(new FakeClock(), 'partner.example')).bundle().format().toString()
  })

  function parse(bundle: string, trustDomain = 'partner.example') {
    const text = `kind: federation
version: v1
metadata: { name: partner }
spec:
  trust_domain: ${trustDomain}
  bundle: ${bundle}
`
    const { resources, problems } = parseResources(text, 'f.yaml')
    return { kept: (resources[0]?.spec as { bundle?: string } | undefined)?.bundle, problems }
  }
  const literal = (text: string): string => `|\n    ${text.replaceAll('\n', '\n    ')}`

  it('is the same as a mapping, as text and with white space', () => {
    const spaced = JSON.stringify(JSON.parse(json), null, 2)
    for (const written of [json, JSON.stringify(json), literal(spaced)]) {
      assert.deepEqual(parse(written), { kept: json, problems: [] })
    }
  })

  it('keeps what this version does not understand, and white space in strings', () => {
    const later = '{"keys":[],"later":{"a":"x  y\\" z"}}'
    assert.equal(parse(literal(later)).kept, later)
  })

  it('keeps all 64 bits of a sequence in text, and refuses them as a YAML number (BND-04)', () => {
    const long = '{"keys":[],"spiffe_sequence":9007199254740993}'
    assert.equal(parse(literal(long)).kept, long)
    assert.equal(readableBundle(long), long)
    assert.deepEqual(parse(long).problems, [
      'f.yaml:6: spec.bundle: its spiffe_sequence is too long for YAML: write the bundle as text (`bundle: |`)',
    ])
  })

  it('is refused immediately when it is a long text that is not JSON', { timeout: 5_000 }, () => {
    const { problems } = parse(JSON.stringify(`"${'\\"'.repeat(100_000)}`))
    assert.deepEqual(problems, ['f.yaml:6: spec.bundle: not a SPIFFE bundle: not JSON'])
  })

  it('is shown as a mapping', () => {
    assert.deepEqual(readableBundle(json), JSON.parse(json))
  })

  for (const [written, problem] of [
    [
      '{ path: partner.json }',
      'spec.bundle: a file is read by `signet apply`, not by the authority: put its text here',
    ],
    ['{ more: 1 }', 'spec.bundle: not a SPIFFE bundle: it has no list of keys'],
    ['"text"', 'spec.bundle: not a SPIFFE bundle: not JSON'],
    ['7', 'spec.bundle: expected a SPIFFE bundle, as a mapping or as text'],
  ] as const) {
    it(`cannot be ${written}`, () => {
      assert.deepEqual(parse(written).problems, [`f.yaml:6: ${problem}`])
    })
  }

  it('has at most 256 KiB', () => {
    const fill = (length: number): string => JSON.stringify({ keys: [], fill: 'x'.repeat(length) })
    const empty = fill(0).length
    assert.deepEqual(parse(fill(MAX_BUNDLE_BYTES - empty)).problems, [])
    assert.deepEqual(parse(fill(MAX_BUNDLE_BYTES - empty + 1)).problems, [
      'f.yaml:6: spec.bundle: must be at most 256 KiB',
    ])
  })

  for (const trustDomain of ['Partner.example', 'spiffe://partner.example', '""']) {
    it(`cannot belong to the trust domain ${trustDomain}`, () => {
      const [problem = ''] = parse(json, trustDomain).problems
      assert.match(problem, /^f\.yaml:5: spec\.trust_domain: expected the name of a trust domain/)
    })
  }
})
