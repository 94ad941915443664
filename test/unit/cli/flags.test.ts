import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from 'commander'
import { COMMANDS } from '../../../src/cli/catalogue.ts'
import { type Flag, readFlags, withFlags } from '../../../src/cli/flags.ts'

const FLAGS: readonly Flag[] = [
  { flags: '-c, --config <file>', description: 'a file' },
  { flags: '--data-dir <dir>', description: 'a directory' },
  { flags: '--check', description: 'only look' },
  { flags: '--until-stdin-ends' },
]

function readByCommander(args: readonly string[]): object {
  const silent = { writeErr: () => undefined, writeOut: () => undefined }
  const command = withFlags(new Command('x'), FLAGS).exitOverride().configureOutput(silent)
  return command
    .action(() => undefined)
    .parse(args, { from: 'user' })
    .opts()
}

describe('readFlags', () => {
  for (const args of [
    [],
    ['-c', 'a.yaml'],
    ['-ca.yaml'],
    ['--config', 'a.yaml'],
    ['--config=a.yaml'],
    ['--config=a=b'],
    ['--config', ''],
    ['--config='],
    ['-c', 'a', '--config', 'b'],
    ['--check', '--check', '--data-dir', './d'],
    ['--until-stdin-ends', '-c', 'a'],
  ]) {
    it(`reads ${JSON.stringify(args)} as Commander does`, () => {
      assert.deepEqual(readFlags(FLAGS, args), readByCommander(args))
    })
  }

  for (const args of [
    ['--help'],
    ['-h'],
    ['--typo'],
    ['--config'],
    ['--check=yes'],
    ['--no-check'],
    ['more'],
    ['-c', 'a', 'more'],
    ['--', 'more'],
    ['-x'],
  ]) {
    it(`leaves ${JSON.stringify(args)} to Commander`, () => assert.equal(readFlags(FLAGS, args), undefined))
    it(`leaves ${JSON.stringify(args)}, which Commander refuses or answers itself`, () => {
      assert.throws(() => readByCommander(args), /^CommanderError/)
    })
  }

  it('does not show in help what has no description', () => {
    const help = withFlags(new Command('x'), FLAGS).helpInformation()
    assert.match(help, /--check\s+only look/)
    assert.doesNotMatch(help, /until-stdin-ends/)
  })

  for (const { path, load } of COMMANDS) {
    it(`understands every flag of ${path.join(' ')}, where that command starts without Commander`, async () => {
      const { quick } = await load()
      if (quick) assert.deepEqual(readFlags(quick.flags, []), {})
    })
  }
})
