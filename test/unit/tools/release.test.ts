import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDocument } from '../../../tools/documents/read.ts'
import { mistakesIn, sectionsOf } from '../../../tools/release/changelog.ts'
import { mistakesInPackage, obstaclesTo, type ReleaseFacts } from '../../../tools/release/ready.ts'

const CHANGELOG = `# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- One.

### Fixed

- Two.

## [0.1.0] - 2026-11-01

- The first.
`

const READY: ReleaseFacts = {
  status: '',
  tags: ['v0.1.0'],
  changelog: CHANGELOG,
  packageVersion: '0.2.0',
  lockVersion: '0.2.0',
}

describe('CHANGELOG.md', () => {
  it('has the form of Keep a Changelog', () => {
    assert.deepEqual(mistakesIn(readDocument('CHANGELOG.md')), [])
  })
})

describe('a changelog', () => {
  it('is split into its sections, newest first', () => {
    const sections = sectionsOf(CHANGELOG).map(({ version, date }) => [version, date])
    assert.deepEqual(sections, [
      ['Unreleased', undefined],
      ['0.2.0', '2026-12-01'],
      ['0.1.0', '2026-11-01'],
    ])
    assert.deepEqual(mistakesIn(CHANGELOG), [])
  })

  for (const [what, from, to, mistake] of [
    ['without unreleased changes', '## [Unreleased]\n\n', '', 'the first section is not [Unreleased]'],
    ['with a version without brackets', '[0.1.0]', '0.1.0', '## 0.1.0 - 2026-11-01 is not a version'],
    ['with a day that does not exist', '2026-11-01', '2026-11-31', '0.1.0 has no date'],
    ['with the older version above', '[0.2.0]', '[0.0.9]', '0.0.9 stands above 0.1.0'],
    [
      'with parts out of order',
      '### Added',
      '### Security',
      '0.2.0: its parts are not Added, Changed, Deprecated, Removed, Fixed, Security, in this order',
    ],
  ] as const) {
    it(`${what} is refused`, () => assert.deepEqual(mistakesIn(CHANGELOG.replace(from, to)), [mistake]))
  }
})

describe('a release', () => {
  it('may be made from a tree where everything fits', () => assert.deepEqual(obstaclesTo(READY), []))

  for (const [what, facts, obstacle] of [
    ['uncommitted changes', { status: ' M src/a.ts' }, 'there are changes that are not committed'],
    ['a tag of this version', { tags: ['v0.2.0'] }, 'there is a tag v0.2.0 already'],
    [
      'another version in the lock file',
      { lockVersion: '0.1.0' },
      'package-lock.json has version 0.1.0, package.json 0.2.0',
    ],
    [
      'entries that are not in its section',
      { changelog: CHANGELOG.replace('[Unreleased]\n', '[Unreleased]\n\n- Three.\n') },
      'CHANGELOG.md has entries under [Unreleased]',
    ],
  ] as const) {
    it(`is refused with ${what}`, () => assert.deepEqual(obstaclesTo({ ...READY, ...facts }), [obstacle]))
  }

  it('is refused when the changelog ends before it', () => {
    assert.deepEqual(obstaclesTo({ ...READY, packageVersion: '0.3.0', lockVersion: '0.3.0' }), [
      'the newest section of CHANGELOG.md is not [0.3.0]',
    ])
  })
})

describe('a package', () => {
  const WHOLE = [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'bin/signet.js',
    'dist/cli/agent-daemon.js',
    'dist/cli/authority-daemon.js',
    'dist/cli/main.js',
    'dist/client/main.js',
    'dist/third-party-licences.txt',
    'docs/README.md',
  ]

  it('is accepted with what it needs', () => assert.deepEqual(mistakesInPackage(WHOLE), []))

  it('is refused without the licence, or with tests', () => {
    assert.deepEqual(mistakesInPackage([...WHOLE.slice(1), 'test/unit/x.test.ts']), [
      'LICENSE is not in the package',
      'test/unit/x.test.ts is in the package',
    ])
  })
})
