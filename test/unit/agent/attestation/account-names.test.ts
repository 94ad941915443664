import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AccountNames } from '../../../../src/agent/attestation/account-names.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function accounts(passwd: string, group = '') {
  const texts: Record<string, string> = { '/etc/passwd': passwd, '/etc/group': group }
  const clock = new FakeClock()
  let reads = 0
  const files = {
    stamp: (path: string) => texts[path],
    read: (path: string) => {
      reads += 1
      const text = texts[path]
      if (text === undefined) throw new TypeError('gone')
      return text
    },
  }
  return { names: new AccountNames(clock, files), texts, clock, reads: () => reads }
}

describe('AccountNames', () => {
  it('names users and groups by the account files', () => {
    const { names } = accounts('root:x:0:0::/root:/bin/sh\nweb:x:1000:1000::/:\n', 'wheel:x:10:web\n')
    assert.equal(names.user(1000), 'web')
    assert.equal(names.group(10), 'wheel')
  })

  it('uses the first name of an ID', () => {
    const { names } = accounts('root:x:0:0::/:\ntoor:x:0:0::/:\n')
    assert.equal(names.user(0), 'root')
  })

  for (const line of [
    '# root:x:0:0',
    '+::0:',
    '-web:x:0:0',
    ':x:0:0',
    'web:x:',
    'web:x:-1',
    'web:x:0x0:',
    'web',
    '',
  ]) {
    it(`finds no name in the line ${JSON.stringify(line)}`, () => {
      assert.equal(accounts(`${line}\n`).names.user(0), undefined)
    })
  }

  it('reads a file again only when it has changed, and increases its revision then', () => {
    const { names, texts, clock, reads } = accounts('web:x:1000:1000::/:\n')
    const before = names.revision
    const readsBefore = reads()
    clock.advance(60_000)
    assert.equal(names.revision, before)
    assert.equal(reads(), readsBefore)
    texts['/etc/passwd'] = 'shop:x:1000:1000::/:\n'
    clock.advance(60_000)
    assert.equal(names.user(1000), 'shop')
    assert.equal(names.revision, before + 1)
  })

  it('keeps what it knows while a file cannot be read', () => {
    const { names, texts, clock } = accounts('web:x:1000:1000::/:\n')
    assert.equal(names.user(1000), 'web')
    Object.defineProperty(texts, '/etc/passwd', {
      get: () => {
        throw new TypeError('EIO')
      },
    })
    clock.advance(60_000)
    assert.equal(names.user(1000), 'web')
  })
})
