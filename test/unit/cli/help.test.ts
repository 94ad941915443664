import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from '../../../src/cli/command.ts'
import { commandHelp, nounHelp, programHelp } from '../../../src/cli/help.ts'
import { answerTo } from '../../../src/cli/no-command.ts'
import { version } from '../../../src/foundation/version.ts'

const SAMPLE = new Command('sample run', 'runs a sample')
  .positional('<kind>', 'what to run')
  .positional('[format]', '', { choices: ['json', 'yaml'] })
  .flag(
    '-c, --config <file>',
    'a file with the settings of the sample, which is looked for in the usual places',
  )
  .flag('--ttl <duration>', 'how long', { default: '1h' })
  .flag('--role <name>', 'which', { isList: true })
  .flag('--until-stdin-ends', '', { isHidden: true })
  .note('Ends with 0.')
  .example('signet sample run role', 'signet sample run role json')

describe('the help of a command', () => {
  it('says everything that the command says of itself, but for what is hidden', () => {
    assert.equal(
      commandHelp(SAMPLE),
      `Usage: signet sample run [options] <kind> [format]

runs a sample

Arguments:
  kind                 what to run
  format               (choices: "json", "yaml")

Options:
  -c, --config <file>  a file with the settings of the sample, which is looked
                       for in the usual places
  --ttl <duration>     how long (default: "1h")
  --role <name>        which (may be repeated)
  -h, --help           display help for command

Ends with 0.

Example:
  signet sample run role
  signet sample run role json`,
    )
  })

  it('is as wide as the terminal, unless that is too narrow for a column', () => {
    assert.match(commandHelp(SAMPLE, 200), /which is looked for in the usual places\n/)
    assert.match(commandHelp(SAMPLE, 40), /which is looked for in the usual places\n/)
  })
})

describe('words that are no command', () => {
  it('are answered with help', () => {
    for (const words of [[], ['--help'], ['-h', 'get']]) {
      assert.equal(answerTo(words, undefined), programHelp())
    }
    for (const words of [['svid'], ['svid', '--help'], ['svid', '-h']]) {
      assert.equal(answerTo(words, undefined), nounHelp('svid'))
    }
    assert.match(nounHelp('svid'), /^Usage: signet svid .*\n {2}fetch {3,}fetch SVIDs as a workload does\n/s)
    assert.match(programHelp(), /\n {2}svid {3,}SPIFFE identities\n/)
  })

  it('are answered with the version', () => {
    for (const words of [['--version'], ['-V'], ['svid', '-V']]) assert.equal(answerTo(words, 80), version)
  })

  for (const [words, says] of [
    [['svi'], /^unknown command 'svi': did you mean svid\? \(see signet --help\)$/],
    [['nothing'], /^unknown command 'nothing' \(see signet --help\)$/],
    [['svid', 'fecth'], /^unknown command 'fecth': did you mean fetch\? \(see signet svid --help\)$/],
    [['svid', 'get'], /^unknown command 'get' \(see signet svid --help\)$/],
    [['toString'], /^unknown command 'toString'/],
    [[''], /^unknown command '' /],
    [['-'], /^unknown command '-' /],
    [['--json', 'get'], /^unknown option '--json' /],
    [['--', 'version'], /^unknown option '--' /],
    [['svid', '--hlep'], /^unknown option '--hlep': did you mean --help\?/],
  ] as const) {
    it(`are refused: ${JSON.stringify(words)}`, () => {
      assert.throws(() => answerTo(words, undefined), { code: 'ERR_CLI_USAGE', message: says })
    })
  }
})
