import type { ResourceKindDefinition } from './resource-kind.ts'

export const joinToken: ResourceKindDefinition<'join_token'> = {
  references: ({ bot }) => [{ path: ['bot'], kind: 'bot', name: bot, isRequired: true }],
  afterPut: (tx, name, { joinTokens }) => joinTokens.ensureSecret(tx, name),
}
