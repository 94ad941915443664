import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findHeads } from '../../../../../src/cli/commands/audit/heads.ts'

const head = {
  v: 2,
  counter: 3,
  sequence: 41,
  hash: 'ab',
  time_ms: 1,
  previous: 'cd',
  key_id: '0123456789abcdef',
  signature: 'c2ln',
}
const logged = JSON.stringify({ level: 'info', time: 'now', event: 'audit.head', ...head, msg: 'audit head' })

describe('findHeads', () => {
  const lines: Readonly<Record<string, string>> = {
    'a line of the heads file': JSON.stringify(head),
    'a line of the log': logged,
    'a line of journalctl -o short': `Nov 28 21:00:00 host signet[12]: ${logged}`,
    'a line with braces before it': `{unit} [{x}] ${logged}`,
    'a line of journalctl -o json': JSON.stringify({ _PID: '12', MESSAGE: logged }),
    'a line of a container log': JSON.stringify({ log: `${logged}\n`, stream: 'stderr' }),
    'a journal that wraps a container log': JSON.stringify({ MESSAGE: JSON.stringify({ log: logged }) }),
    'an object within others': JSON.stringify({ record: { fields: { ...head } } }),
  }
  for (const [title, line] of Object.entries(lines)) {
    it(`finds the head in ${title}`, () => assert.deepEqual(findHeads(line), [head]))
  }
  for (const line of ['', 'signature', '{', '}{"signature"', '{"signature":{"signature":1}}', 'null']) {
    it(`finds none in ${JSON.stringify(line)}`, () => assert.deepEqual(findHeads(line), []))
  }
})
