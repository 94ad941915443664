import type { ResourceKindDefinition } from './resource-kind.ts'

export const joinToken: ResourceKindDefinition<'join_token'> = {
  references: ({ bot }) => [{ path: ['bot'], kind: 'bot', name: bot, isRequired: true }],
  // What is stored of it besides its resource would mean nothing to another method.
  checkChange: ({ name, spec }, before) => {
    if (spec.method === before.method) return []
    return [
      { path: ['method'], message: `join_token ${name} is of method ${before.method}: delete it first` },
    ]
  },
  afterPut: (tx, name, spec, { joinTokens }) => joinTokens.ensure(tx, name, spec),
}
