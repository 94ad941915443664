import { mistakesIn, sectionsOf } from './changelog.ts'

export interface ReleaseFacts {
  /** `git status --porcelain`. */
  readonly status: string
  /** `git tag --list`. */
  readonly tags: readonly string[]
  readonly changelog: string
  readonly packageVersion: string
  readonly lockVersion: string
}

/** Returns why this tree cannot be released; empty when it can. */
export function obstaclesTo(facts: ReleaseFacts): readonly string[] {
  const { packageVersion: version, lockVersion, changelog } = facts
  const [unreleased, newest] = sectionsOf(changelog)
  const obstacles: readonly (readonly [boolean, string])[] = [
    [facts.status !== '', 'there are changes that are not committed'],
    [!/^\d+\.\d+\.\d+$/.test(version), `the version ${version} is not X.Y.Z`],
    [lockVersion !== version, `package-lock.json has version ${lockVersion}, package.json ${version}`],
    [facts.tags.includes(`v${version}`), `there is a tag v${version} already`],
    [newest?.version !== version, `the newest section of CHANGELOG.md is not [${version}]`],
    [newest?.version === version && newest.body === '', `the section [${version}] of CHANGELOG.md is empty`],
    [unreleased !== undefined && unreleased.body !== '', 'CHANGELOG.md has entries under [Unreleased]'],
  ]
  return [...obstacles.flatMap(([stands, what]) => (stands ? [what] : [])), ...mistakesIn(changelog)]
}

/** What every package must contain. */
const NEEDED = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'bin/signet.js',
  'dist/cli/agent-daemon.js',
  'dist/cli/authority-daemon.js',
  'dist/cli/main.js',
  'dist/third-party-licences.txt',
  'docs/README.md',
]
/** What a package must not contain: sources of the build, tests, and keys or data of a trial. */
const FOREIGN = /^(?:src|test|tools|\.signet|node_modules)\/|\.(?:test\.ts|key|sqlite|db)$/

export function mistakesInPackage(files: readonly string[]): readonly string[] {
  return [
    ...NEEDED.filter((name) => !files.includes(name)).map((name) => `${name} is not in the package`),
    ...files.filter((name) => FOREIGN.test(name)).map((name) => `${name} is in the package`),
  ]
}
