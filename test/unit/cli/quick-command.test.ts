import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from 'commander'
import type { CommandLine } from '../../../src/cli/command.ts'
import { COMMANDS } from '../../../src/cli/command-catalogue.ts'
import { QuickCommand } from '../../../src/cli/quick-command.ts'
import { withFlags } from '../../../src/cli/shared-flags.ts'

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

function define<C extends CommandLine>(command: C, run: (...given: unknown[]) => void): C {
  return withFlags(command, [
    { flags: '-c, --config <file>', description: 'a file' },
    { flags: '--check', description: 'only look' },
    { flags: '--until-stdin-ends' },
  ])
    .argument('<kind>', 'what')
    .addArgument(command.createArgument('[format]').choices(['json', 'yaml']))
    .option('--data-dir <dir>', 'a directory')
    .option('--ttl <duration>', 'how long', '1h')
    .option('--role <name>', 'may be repeated', collect, [])
    .addOption(command.createOption('--only <half>', 'one half').choices(['left', 'right']))
    .addOption(command.createOption('--mode <mode>', 'how').choices(['a', 'b']).default('a'))
    .requiredOption('--bot <name>', 'whose')
    .action((...given) => run(...given))
}

/** The arguments and options as a command receives them. */
function readByCommander(words: readonly string[]): unknown[] {
  const silent = { writeErr: () => undefined, writeOut: () => undefined }
  let got: unknown[] = []
  define(new Command('x').exitOverride().configureOutput(silent), (...given) => {
    got = given.slice(0, -1)
  }).parse(words, { from: 'user' })
  return got
}

function readQuickly(words: readonly string[]): unknown[] | undefined {
  let got: unknown[] | undefined
  const run = define(new QuickCommand(), (...given) => {
    got = given
  }).read(words)
  void run?.()
  return got
}

const MEANT = ['role', '--bot', 'b']

describe('a command line', () => {
  for (const words of [
    MEANT,
    ['--bot', 'b', 'role'],
    [...MEANT, 'json'],
    [...MEANT, '-c', 'a.yaml'],
    [...MEANT, '-ca.yaml'],
    [...MEANT, '-c=a'],
    [...MEANT, '--config', 'a.yaml'],
    [...MEANT, '--config=a.yaml'],
    [...MEANT, '--config=a=b'],
    [...MEANT, '--config=-a'],
    [...MEANT, '--config', ''],
    [...MEANT, '--config='],
    [...MEANT, '--config', '-'],
    ['-', '--bot', 'b'],
    ['', '--bot', 'b'],
    [...MEANT, '-c', 'a', '--config', 'b'],
    [...MEANT, '--check', '--check', '--data-dir', './d'],
    [...MEANT, '--until-stdin-ends', '-c', 'a'],
    [...MEANT, '--role', 'x', '--role=y', '--ttl', '2h'],
    [...MEANT, '--only', 'left', '--mode', 'b'],
  ]) {
    it(`is read as Commander reads it: ${JSON.stringify(words)}`, () => {
      assert.deepEqual(readQuickly(words), readByCommander(words))
    })
  }

  for (const words of [
    [],
    ['role'],
    ['--bot', 'b'],
    [...MEANT, '--help'],
    [...MEANT, '-h'],
    [...MEANT, '--typo'],
    [...MEANT, '--config'],
    [...MEANT, '--check=yes'],
    [...MEANT, '--no-check'],
    [...MEANT, 'toml'],
    [...MEANT, 'json', 'more'],
    [...MEANT, '--only', 'middle'],
    [...MEANT, '--mode', 'c'],
    [...MEANT, '-x'],
  ]) {
    it(`is left to Commander, which refuses it or answers it: ${JSON.stringify(words)}`, () => {
      assert.equal(readQuickly(words), undefined)
      assert.throws(() => readByCommander(words), /^CommanderError/)
    })
  }

  for (const words of [
    ['--bot', 'b', '--', 'role'],
    [...MEANT, '--config', '-x'],
  ]) {
    it(`is left to Commander when it is unusual: ${JSON.stringify(words)}`, () => {
      assert.equal(readQuickly(words), undefined)
      assert.notDeepEqual(readByCommander(words), [])
    })
  }

  it('does not show options without a description in help', () => {
    const help = define(new Command('x'), () => undefined).helpInformation()
    assert.match(help, /--config/)
    assert.doesNotMatch(help, /until-stdin-ends/)
  })
})

describe('every command', () => {
  /** Values for whatever a command requires. */
  const VALUES: Readonly<Record<string, string>> = { 'svid fetch': 'jwt', 'ca rotate': 'jwt' }

  for (const { path, load } of COMMANDS) {
    it(`${path.join(' ')} is read without Commander`, async () => {
      const module = await load()
      if (module.needsAllCommands) return
      const known = new Command('x')
      module.define(known)
      const words = [
        ...known.registeredArguments.map(() => VALUES[path.join(' ')] ?? 'word'),
        ...known.options
          .filter(({ mandatory, long }) => mandatory && long)
          .flatMap(({ long }) => [long ?? '', 'x']),
      ]
      for (const { long, required, argChoices } of known.options) {
        const quick = new QuickCommand()
        module.define(quick)
        const value = required ? [argChoices?.[0] ?? 'x'] : []
        assert.notEqual(quick.read([...words, long ?? '', ...value]), undefined, `${long}`)
      }
    })
  }
})
