import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from '../../../src/cli/command.ts'
import { COMMANDS, loadCommand } from '../../../src/cli/command-catalogue.ts'
import { mistaken } from '../../../src/cli/mistaken.ts'
import { readWords } from '../../../src/cli/read-words.ts'

function sample(): Command {
  return new Command('sample', 'a sample')
    .flag('-c, --config <file>', 'a file')
    .flag('--check', 'only look')
    .flag('--until-stdin-ends', '', { isHidden: true })
    .positional('<kind>', 'what')
    .positional('[format]', '', { choices: ['json', 'yaml'] })
    .flag('--ttl <duration>', 'how long', { default: '1h' })
    .flag('--role <name>', 'which', { isList: true })
    .flag('--only <half>', 'one half', { choices: ['left', 'right'] })
    .flag('--bot <name>', 'whose', { isRequired: true })
}

/** What the sample is given besides: its kind and its bot. */
const MEANT = ['role', '--bot', 'b']
const USUAL = { bot: 'b', role: [], ttl: '1h' }

describe('a command line', () => {
  for (const { words, positionals = ['role', undefined], flags = {} } of [
    { words: MEANT },
    { words: ['--bot', 'b', 'role'] },
    { words: [...MEANT, 'json'], positionals: ['role', 'json'] },
    { words: [...MEANT, '-c', 'a.yaml'], flags: { config: 'a.yaml' } },
    { words: [...MEANT, '-ca.yaml'], flags: { config: 'a.yaml' } },
    { words: [...MEANT, '-c=a'], flags: { config: '=a' } },
    { words: [...MEANT, '--config', 'a.yaml'], flags: { config: 'a.yaml' } },
    { words: [...MEANT, '--config=a.yaml'], flags: { config: 'a.yaml' } },
    { words: [...MEANT, '--config=a=b'], flags: { config: 'a=b' } },
    { words: [...MEANT, '--config=-a'], flags: { config: '-a' } },
    { words: [...MEANT, '--config', '-'], flags: { config: '-' } },
    { words: ['-', '--bot', 'b'], positionals: ['-', undefined] },
    { words: [...MEANT, '--check', '--check'], flags: { check: true } },
    { words: [...MEANT, '--until-stdin-ends'], flags: { untilStdinEnds: true } },
    { words: [...MEANT, '--role', 'x', '--role=y', '--ttl', '2h'], flags: { role: ['x', 'y'], ttl: '2h' } },
    { words: [...MEANT, '--only', 'left'], flags: { only: 'left' } },
    { words: ['--bot', 'b', '--', 'role'] },
    { words: ['--bot', 'b', '--', '--check', 'json'], positionals: ['--check', 'json'] },
    { words: [...MEANT, '--'] },
  ]) {
    it(`is read: ${JSON.stringify(words)}`, () => {
      assert.deepEqual(readWords(sample(), words), { given: [...positionals, { ...USUAL, ...flags }] })
    })
  }

  for (const [words, says] of [
    [[], /^missing required argument 'kind' \(see signet sample --help\)$/],
    [['role'], /required option '--bot <name>' not specified/],
    [['--bot', 'b'], /missing required argument 'kind'/],
    [[...MEANT, '--config='], /option '-c, --config <file>' needs a value, not an empty one \(see/],
    [[...MEANT, '-c', ''], /option '-c, --config <file>' needs a value, not an empty one/],
    [['role', '--bot', ''], /option '--bot <name>' needs a value, not an empty one/],
    [[...MEANT, '--role', 'x', '--role='], /option '--role <name>' needs a value, not an empty one/],
    [['', '--bot', 'b'], /argument 'kind' is empty/],
    [[...MEANT, ''], /argument 'format' is empty/],
    [[...MEANT, '--chekc'], /unknown option '--chekc': did you mean --check\?/],
    [[...MEANT, '--nothing=1'], /unknown option '--nothing' \(see/],
    [[...MEANT, '--no-check'], /unknown option '--no-check'/],
    [[...MEANT, '-x'], /unknown option '-x' \(see/],
    [[...MEANT, '--config'], /option '-c, --config <file>' needs a value \(see/],
    [[...MEANT, '--config', '--check'], /needs a value; if it is '--check', write --config=--check/],
    [[...MEANT, '--config', '--'], /needs a value/],
    [[...MEANT, '--check=yes'], /option '--check' takes no value/],
    [[...MEANT, '--help=yes'], /option '--help' takes no value/],
    [[...MEANT, 'toml'], /'toml' is invalid for argument 'format': choose one of json, yaml/],
    [
      [...MEANT, '--only', 'middle'],
      /'middle' is invalid for option '--only <half>': choose one of left, right/,
    ],
    [[...MEANT, 'json', 'more'], /'more' is one argument too many/],
    [[...MEANT, '-c', 'a', '--config=b'], /option '-c, --config <file>' is given 2 times: give it once/],
    [[...MEANT, '--ttl', '1h', '--ttl', '1h'], /option '--ttl <duration>' is given 2 times/],
  ] as const) {
    it(`is refused: ${JSON.stringify(words)}`, () => {
      const asked = readWords(sample(), words)
      assert.ok(typeof asked === 'object' && 'mistake' in asked)
      const error = mistaken(asked.mistake, 'signet sample')
      assert.equal(error.code, 'ERR_CLI_USAGE')
      assert.match(error.message, says)
    })
  }

  for (const [words, asked] of [
    [['--help'], 'help'],
    [[...MEANT, '-h'], 'help'],
    [['--nothing', '--config', '--help'], 'help'],
    [['--version', '-h'], 'help'],
    [['-V', 'too', 'many', 'words'], 'version'],
  ] as const) {
    it(`asks for ${asked}, whatever else is wrong: ${JSON.stringify(words)}`, () => {
      assert.equal(readWords(sample(), words), asked)
    })
  }

  it('does not ask for help after two dashes', () => {
    assert.deepEqual(readWords(sample(), ['--bot=b', '--', '--help']), {
      given: ['--help', undefined, USUAL],
    })
  })
})

describe('a description', () => {
  it('with a spelling that cannot be read is a defect', () => {
    assert.throws(() => sample().flag('config', 'a file'), TypeError)
    assert.throws(() => sample().positional('kind'), TypeError)
  })
})

describe('every command', () => {
  for (const entry of COMMANDS) {
    it(`${entry.path.join(' ')} reads each of its flags, and cuts none that is given twice`, async () => {
      const command = await loadCommand(entry)
      const words = command.positionals.map(({ settings }) => settings.choices?.[0] ?? 'word')
      const valueFor = (name: string): string => {
        const flag = command.flags.find((each) => each.name === name)
        return `${flag?.long}=${flag?.settings.choices?.[0] ?? 'x'}`
      }
      for (const { name, long, takesValue, settings } of command.flags) {
        const others = command.flags.filter((each) => each.settings.isRequired && each.name !== name)
        const usual = [...words, ...others.map((each) => valueFor(each.name))]
        const word = takesValue ? valueFor(name) : long
        assert.ok('given' in Object(readWords(command, [...usual, word])), long)
        const twice = Object(readWords(command, [...usual, word, word]))
        assert.equal('given' in twice, settings.isList || !takesValue, long)
      }
    })
  }
})
