import type { ResourceKindDefinition } from './resource-kind.ts'

export const joinToken: ResourceKindDefinition<'join_token'> = {
  references: ({ bot }) => [{ path: ['bot'], kind: 'bot', name: bot, isRequired: true }],
  afterPut: (tx, name, spec, { joinTokens }) => joinTokens.ensure(tx, name, spec),
}
