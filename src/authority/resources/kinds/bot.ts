import type { ResourceKindDefinition } from './resource-kind.ts'

export const bot: ResourceKindDefinition<'bot'> = {
  references: ({ roles }) =>
    roles.map((name, index) => ({ path: ['roles', index], kind: 'role', name, isRequired: true })),
  follow: (index, name) => index.noteBot(name),
}
