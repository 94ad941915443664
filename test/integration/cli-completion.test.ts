import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { signet } from '../support/command.ts'

const noBash = spawnSync('bash', ['--version']).status === 0 ? false : 'needs bash'

describe('signet completion', () => {
  it('bash offers the commands, and then the arguments of the one on the command line', {
    skip: noBash,
  }, async () => {
    const { code, stdout } = await signet(['completion', 'bash'])
    assert.equal(code, 0)
    const offered = (...words: readonly string[]): string[] => {
      const typed = `${stdout}\nCOMP_WORDS=(signet ${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length}\n_signet\nprintf '%s\\n' "\${COMPREPLY[@]}"`
      const done = spawnSync('bash', ['-c', typed], { encoding: 'utf8', cwd: '/' })
      assert.equal(done.stderr, '')
      return done.stdout.split('\n').filter(Boolean)
    }
    assert.deepEqual(offered('aud'), ['audit'])
    assert.ok(offered('').includes('trial'))
    assert.deepEqual(offered('audit', ''), ['list', 'archive', 'trace', 'verify'])
    assert.deepEqual(offered('svid', 'f'), ['fetch'])
    assert.deepEqual(offered('apply', 'pro'), ['proc'], 'a file where a command has no second word')
  })

  it('fish and zsh get the same words in their own formats', async () => {
    const fish = await signet(['completion', 'fish'])
    assert.match(fish.stdout, /^complete -c signet -n __fish_use_subcommand -a audit$/m)
    assert.match(fish.stdout, /^complete -c signet -n '__fish_seen_subcommand_from audit' -a verify$/m)
    const zsh = await signet(['completion', 'zsh'])
    assert.match(zsh.stdout, /^#compdef signet\n.*bashcompinit\n/)
    assert.match(zsh.stdout, /complete -F _signet signet\n$/)
  })

  it('refuses any other shell', async () => {
    const { code, stderr } = await signet(['completion', 'tcsh'])
    assert.equal(code, 2)
    assert.match(stderr, /bash, zsh, fish/)
  })
})
