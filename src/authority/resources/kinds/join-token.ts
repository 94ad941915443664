import type { ResourceKindDefinition } from './resource-kind.ts'

export const joinToken: ResourceKindDefinition<'join_token'> = {
  references: ({ bot }) => [{ path: ['bot'], kind: 'bot', name: bot, isRequired: true }],
  // The stored state of a token means nothing to another join method.
  checkChange: ({ name, spec }, before) => {
    if (spec.method === before.method) return []
    return [
      { path: ['method'], message: `join_token ${name} is of method ${before.method}: delete it first` },
    ]
  },
  afterPut: (tx, name, spec, { joinTokens }) => joinTokens.ensure(tx, name, spec),
}
