import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attributes } from '../../../src/policy/attributes.ts'
import { attributesProblem, parseAttributes, parseWorkload } from '../../../src/policy/parse-attributes.ts'

describe('parseAttributes', () => {
  it('reads a tree of attributes', () => {
    const tree = {
      unix: { uid: 1000, groups: [1, 2], user: 'pay', extra: { on: true, names: ['a'], none: [] } },
    }
    assert.deepEqual(parseAttributes(JSON.stringify(tree)), tree)
  })
  const bad = [
    '',
    'x',
    '1',
    'null',
    '[]',
    '"a"',
    '{"a":null}',
    '{"a":[1,"b"]}',
    '{"a":[{}]}',
    '{"a":[[1]]}',
    '{"a":1e999}',
  ]
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseAttributes(text), undefined)
    })
  }
  it('refuses what is too deep or too long', () => {
    assert.equal(parseAttributes(`${'{"a":'.repeat(20)}1${'}'.repeat(20)}`), undefined)
    assert.equal(parseAttributes(JSON.stringify({ a: 'x'.repeat(70_000) })), undefined)
  })
})

describe('the attributes that an operator gives', () => {
  const cases: readonly (readonly [object, string | undefined])[] = [
    [{ bot: { name: 'builder', traits: { team: 'pay' } }, join: { x: { y: 1 } } }, undefined],
    [{ workload: { unix: { binary_deleted: true } } }, undefined],
    [
      { workload: { unix: { binary_deleted: 'yes' } } },
      'workload.unix.binary_deleted is not of the type bool',
    ],
    [{ bot: { name: 7 } }, 'bot.name is not of the type string'],
    [{ bot: { traits: { team: 7 } } }, 'bot.traits is a group of texts'],
    [{ bot: 'builder' }, 'bot is a group of attributes'],
    [{ robot: {} }, 'there is no attribute "robot"'],
  ]
  for (const [attributes, problem] of cases) {
    it(`${problem ?? 'are accepted'}: ${JSON.stringify(attributes)}`, () => {
      assert.equal(attributesProblem(attributes as Attributes), problem)
    })
  }
})

describe('parseWorkload', () => {
  it('reads the workload attributes of an agent', () => {
    const workload = { unix: { pid: 1, uid: 1000, groups: [], user: 'pay', binary_path: '/usr/bin/ä' } }
    assert.deepEqual(parseWorkload(JSON.stringify(workload)), { workload })
    assert.deepEqual(parseWorkload('{}'), { workload: {} })
  })
  const bad: readonly (readonly [string, string])[] = [
    ['{"unix":{"uid":"1234"}}', 'workload.unix.uid is not of the type int'],
    ['{"unix":{"uid":1.5}}', 'workload.unix.uid is not of the type int'],
    ['{"unix":{"uid":true}}', 'workload.unix.uid is not of the type int'],
    ['{"unix":{"uid":[1]}}', 'workload.unix.uid is not of the type int'],
    ['{"unix":{"groups":7}}', 'workload.unix.groups is not of the type list<int>'],
    ['{"unix":{"groups":["7"]}}', 'workload.unix.groups is not of the type list<int>'],
    ['{"unix":{"pid":-1}}', 'workload.unix.pid has a value that no process can have'],
    ['{"unix":{"pid":0}}', 'workload.unix.pid has a value that no process can have'],
    ['{"unix":{"pid":4194305}}', 'workload.unix.pid has a value that no process can have'],
    ['{"unix":{"uid":-1}}', 'workload.unix.uid has a value that no process can have'],
    ['{"unix":{"gid":4294967295}}', 'workload.unix.gid has a value that no process can have'],
    ['{"unix":{"groups":[0,-1]}}', 'workload.unix.groups has a value that no process can have'],
    ['{"unix":{"user":{}}}', 'workload.unix.user is not of the type string'],
    ['{"unix":{"junk":1}}', 'there is no attribute "workload.unix.junk"'],
    ['{"unix":{"__proto__":1}}', 'there is no attribute "workload.unix.__proto__"'],
    ['{"unix":[1]}', 'there is no attribute "workload.unix"'],
    ['{"docker":{}}', 'there is no attribute "workload.docker"'],
    ['{"unix":{"uid":null}}', 'the workload attributes are not an attribute tree'],
    [`{"unix":{"user":"${'ä'.repeat(2040)}"}}`, 'the workload attributes have more than 4096 bytes'],
  ]
  for (const [json, problem] of bad) {
    it(`refuses ${json.slice(0, 40)}`, () => {
      assert.deepEqual(parseWorkload(json), { problem })
    })
  }
})
