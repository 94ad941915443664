import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attributes } from '../../../src/policy/attributes.ts'
import { Expression, Facts } from '../../../src/policy/expression.ts'
import { CALLER } from './policy-samples.ts'

const facts = new Facts(CALLER)
const outcome = (text: string): object => Expression.compile(text).evaluate(facts)

describe('Expression', () => {
  for (const text of [
    'workload.unix.uid == 1000 && workload.unix.user.startsWith("al")',
    '27 in workload.unix.groups',
    'workload.unix.groups.exists(g, g + 1 == 28)',
    'workload.unix.groups.all(g, g in [27, 1000])',
    'join.github.tags.exists(t, t.matches("^b$"))',
    'join["github"].tags[0] == "a"',
    'join.github.run == 7',
    'has(bot.traits.team) && !has(bot.traits.nope)',
    'timestamp(workload.unix.started_at) < timestamp("2026-11-24T11:00:00Z")',
    'bot.name.matches("^bu[a-z]+r$")',
    'join.nope == "x" || workload.unix.uid == 1000',
  ]) {
    it(`evaluates to true: ${text}`, () => assert.deepEqual(outcome(text), { value: true }))
  }
  for (const text of [
    'join.nope == "x"',
    '!(join.nope == "x")',
    'join.nope != "x"',
    'join.nope == "x" || bot.name == "y"',
    '!(join.nope == "x" || bot.name == "y")',
    'join.nope == "x" ? true : true',
  ]) {
    it(`finds join.nope absent: ${text}`, () => assert.deepEqual(outcome(text), { absent: 'join.nope' }))
  }
  for (const text of [
    '1 / (workload.unix.uid - 1000) == 1',
    'workload.unix.groups[9] == 1',
    '{"a": 1}["b"] == 1',
    'join.github.run < "x"',
    'join.github.tags.exists(t, t.x == 1)',
  ]) {
    it(`reports an error: ${text}`, () => assert.ok('error' in outcome(text)))
  }
  it('reports an error for a string that is too long to match', () => {
    const long = new Facts({ bot: { name: 'a'.repeat(5000) } })
    assert.ok('error' in Expression.compile('bot.name.matches("^a+$")').evaluate(long))
  })
  for (const text of [
    '',
    'x',
    'uid == 1',
    'workload.unix.nope == 1',
    'has(workload.unix.nope)',
    'workload.nope == 1',
    'bot.nope == "a"',
    'workload',
    'workload.unix == 1',
    'bot.traits[bot.name] == "a"',
    'bot.traits',
    'join',
    'workload.unix[bot.name] == 1',
    'workload.unix.uid.x == 1',
    'bot.traits.a.b == "x"',
    'workload.unix.uid == "1000"',
    'bot.name +',
    'cel.bind(a, 1, a == 1)',
    '[1].map(x, [x, x]) == []',
    '[1, 2].exists(x, [3].exists(y, x == y))',
    '["a"].map(s, s + s) == []',
    '[1].map(join, join) == []',
    '[1].map(bot.name, 1) == []',
    'bot.name.matches(bot.instance_id)',
    'bot.name.matches("(")',
    'bot.name.matches("(a{900}){900}")',
    'bot.name.matches("a{900}b{900}c{900}")',
    `bot.name.matches("${'a'.repeat(1100)}")`,
    `bot.name == "${'a'.repeat(5000)}"`,
    'bytes("a").json() == 1',
    'dyn(1) == 1',
    '[1].map(a, a).map(a, a).map(a, a).map(a, a).map(a, a) == []',
    `${'!'.repeat(600)}true`,
    `[${'1,'.repeat(300)}1].size() == 1`,
    'bot',
    'join.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a == 1',
  ]) {
    it(`refuses to compile ${text.slice(0, 60)}`, () => {
      assert.throws(() => Expression.compile(text), { code: 'ERR_POLICY_EXPRESSION_INVALID' })
    })
  }
  it('evaluates a pattern that makes a backtracking engine hang', () => {
    const hostile = new Facts({ bot: { name: `${'a'.repeat(4000)}!` } })
    assert.deepEqual(Expression.compile('bot.name.matches("^(a+)+$")').evaluate(hostile), { value: false })
  })
  it('is compiled once for everybody with the same text', () => {
    assert.equal(Expression.compile('bot.name == "once"'), Expression.compile('bot.name == "once"'))
  })
  it('names the attributes that it uses', () => {
    const { usedAttributes } = Expression.compile('join.a["b"] == bot.traits["c"] && has(workload.unix.user)')
    assert.deepEqual([...usedAttributes].sort(), ['bot.traits.c', 'join.a.b', 'workload.unix.user'])
  })
  it('finds the values that attributes must equal', () => {
    const { equalities } = Expression.compile(
      'workload.unix.uid == 5 && "a" == bot.name && join.x in ["a", "b"] && 7 in workload.unix.groups && join.y == join.z && "k" in join.map && 1 < 2',
    )
    assert.deepEqual(equalities, [
      { steps: ['workload', 'unix', 'uid'], values: [5] },
      { steps: ['bot', 'name'], values: ['a'] },
      { steps: ['join', 'x'], values: ['a', 'b'] },
      { steps: ['workload', 'unix', 'groups'], values: [7] },
    ])
  })
  it('indexes no values that are neither text, whole numbers, true nor false', () => {
    for (const text of ['join.x == 1.5', 'join.x == null', 'join.x in [1.5, 2.5]', 'join.x in []']) {
      assert.deepEqual(Expression.compile(text).equalities, [], text)
    }
    assert.deepEqual(Expression.compile('join.x == true').equalities, [
      { steps: ['join', 'x'], values: [true] },
    ])
  })
  it('says where a mistake is, without quoting the whole expression', () => {
    for (const [text, message] of [
      ['bot.name +', 'Unexpected token: EOF (at character 11)'],
      ['workload.unix.uid == "1000"', 'no such overload: int == string (at character 1)'],
    ] as const) {
      assert.throws(() => Expression.compile(text), { message })
    }
  })
  it('reports the real error that an absent attribute would hide in a row of alternatives', () => {
    const text = '1 / (workload.unix.uid - 1000) == 1 || (bot.name == "x" || join.nope == "x")'
    const expression = Expression.compile(text)
    assert.deepEqual(expression.evaluate(facts), { absent: 'join.nope' })
    assert.match(expression.hiddenError(facts) ?? '', /division/i)
    assert.equal(
      Expression.compile(
        '(bot.name == "a") && (join.nope == 1 || bot.name == "y") || join.nope == 2',
      ).hiddenError(facts),
      undefined,
    )
  })
  it('is not confused by names from Object.prototype', () => {
    const odd = new Facts(
      JSON.parse(
        '{"join":{"__proto__":{"x":1},"constructor":"c","n":null,"f":1.5},"workload":7,"bot":{"traits":{"constructor":"k"}}}',
      ),
    )
    assert.deepEqual(
      Expression.compile('join.constructor == "c" && bot.traits.constructor == "k" && join.f > 1.0').evaluate(
        odd,
      ),
      { value: true },
    )
    assert.deepEqual(Expression.compile('join.n == 1').evaluate(odd), { absent: 'join.n' })
    assert.deepEqual(Expression.compile('workload.unix.uid == 1').evaluate(odd), {
      absent: 'workload.unix.uid',
    })
  })
  it('refuses a caller with lists longer than 4096 rather than reading a part of them', () => {
    const groups = Array.from({ length: 5000 }, (_, gid) => gid)
    const crowd = new Facts({ workload: { unix: { groups } } })
    assert.match(
      JSON.stringify(Expression.compile('7 in workload.unix.groups').evaluate(crowd)),
      /more than 4096/,
    )
  })
  it('finds nothing below sixteen levels', () => {
    let tree: Attributes = { x: 1 }
    for (let level = 0; level < 20; level += 1) tree = { a: tree }
    const deep = new Facts({ join: tree })
    assert.deepEqual(Expression.compile('has(join.a.a.a)').evaluate(deep), { value: true })
  })
})
