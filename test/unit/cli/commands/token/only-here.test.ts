import assert from 'node:assert/strict'
import { it } from 'node:test'
import { whyOnlyHere } from '../../../../../src/cli/commands/token/only-here.ts'

for (const [address, why] of [
  ['127.0.0.1:1', /this machine only/],
  ['[::1]:1', /this machine only/],
  ['localhost:1', /this machine only/],
  ['0.0.0.0:1', /no address/],
  ['[::]:1', /no address/],
  ['authority:7443', /without a domain/],
  ['authority.:7443', /without a domain/],
] as const) {
  it(`agents elsewhere cannot join at ${address}`, () => assert.match(whyOnlyHere(address) ?? '', why))
}
for (const address of ['authority.example.org:7443', '192.0.2.1:1', '[2001:db8::1]:1']) {
  it(`agents elsewhere may join at ${address}`, () => assert.equal(whyOnlyHere(address), undefined))
}
