import { stringify } from 'yaml'

export interface ResourceMetadata {
  readonly labels?: Readonly<Record<string, string>>
  /** RFC 3339. */
  readonly expires?: string
  readonly revision?: string
}

/** The one way in which a resource is written as YAML; `parseResources` reads it back. */
export function formatResource(
  kind: string,
  name: string,
  metadata: ResourceMetadata,
  spec: unknown,
): string {
  const { labels, expires, revision } = metadata
  return stringify(
    {
      kind,
      version: 'v1',
      metadata: {
        name,
        ...(labels && Object.keys(labels).length > 0 ? { labels } : {}),
        ...(expires ? { expires } : {}),
        ...(revision ? { revision } : {}),
      },
      spec,
    },
    // A word like `yes` or `1e3` is quoted for readers of older YAML, too; long lines are never folded.
    { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false },
  )
}
