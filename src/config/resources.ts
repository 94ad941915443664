import { z } from 'zod'
import { type Path, readDocuments, type SourceDocument } from './document.ts'
import { metadataSchema, specSchemas } from './resource-schemas.ts'
import { EXPIRING_KINDS, RESOURCE_KINDS, type ResourceKind, type SpecOf } from './resource-specs.ts'

export type { ResourceKind, SpecOf } from './resource-specs.ts'

/** A resource as a user wrote it (decision 0019): valid by itself, not yet checked against others. */
export interface ParsedResource<K extends ResourceKind = ResourceKind> {
  readonly kind: K
  readonly name: string
  readonly labels: Record<string, string>
  readonly expiresMs?: number
  /** The revision that the user edited, if stated. */
  readonly revision?: string
  readonly spec: SpecOf<K>
  /** The spec as written. */
  readonly specSource: unknown
  /** Warnings about values that are valid but seldom intended. */
  readonly warnings: readonly string[]
  /** Returns the line of a path in the document, such as ['spec', 'allow', 0]. */
  line(path: Path): number
  /** Formats the place of a path as `file:line`. */
  at(path: Path): string
}

const envelope = z.strictObject({
  kind: z.enum(RESOURCE_KINDS),
  version: z.literal('v1'),
  metadata: z.unknown(),
  spec: z.unknown(),
})

/**
 * Parses a file of resources. `problems` has every mistake with its `file:line`. A resource whose
 * only mistakes are unknown keys is also in `resources`, so that later checks can be reported with
 * them. If there are problems, nothing may be applied. The text may be a piece of the file, with
 * `linesBefore` lines before it.
 */
export function parseResources(
  text: string,
  fileName: string,
  linesBefore = 0,
): { resources: ParsedResource[]; problems: string[] } {
  const { documents, problems: unreadable } = readDocuments(text, fileName, linesBefore)
  const problems = [...unreadable]
  const resources: ParsedResource[] = []
  const seen = new Map<string, string>()
  // A list is what `signet get --json` prints.
  for (const document of documents.flatMap((each) => each.elements ?? [each])) {
    const resource = parseResource(document, problems)
    if (!resource) continue
    const key = `${resource.kind} ${resource.name}`
    const earlier = seen.get(key)
    if (earlier === undefined) {
      seen.set(key, resource.at([]))
      resources.push(resource)
    } else problems.push(document.problem(['metadata', 'name'], `${key} is already at ${earlier}`))
  }
  if (documents.length === 0 && problems.length === 0) problems.push(`${fileName}:1: the file is empty`)
  return { resources, problems }
}

function parseResource(document: SourceDocument, problems: string[]): ParsedResource | undefined {
  const broken = brokenTextIn(document.value, [])
  if (broken !== undefined) {
    problems.push(document.problem(broken, 'a lone surrogate, which is not text'))
    return undefined
  }
  const head = document.check(envelope)
  problems.push(...head.problems)
  if (!head.data) return undefined
  const { kind, spec: specSource } = head.data
  const metadata = document.check(metadataSchema, head.data.metadata, ['metadata'])
  const spec = document.check<SpecOf<ResourceKind>>(
    specSchemas[kind] as z.ZodType<SpecOf<ResourceKind>>,
    specSource,
    ['spec'],
  )
  problems.push(...metadata.problems, ...spec.problems)
  if (!metadata.data || !spec.data) return undefined
  const { name, labels, expires, revision } = metadata.data
  if (expires !== undefined && !EXPIRING_KINDS.includes(kind)) {
    const expiring = EXPIRING_KINDS.join(' or a ')
    problems.push(document.problem(['metadata', 'expires'], `only a ${expiring} expires`))
  }
  return {
    kind,
    name,
    labels,
    ...(expires === undefined ? {} : { expiresMs: new Date(expires).getTime() }),
    ...(revision === undefined ? {} : { revision }),
    spec: spec.data,
    specSource,
    warnings: document.rewrittenNumbers(['spec', 'bundle']),
    line: (path: Path) => document.line(path),
    at: (path: Path) => document.at(path),
  }
}

/** Returns the resources of one kind. */
export function resourcesOf<K extends ResourceKind>(
  resources: readonly ParsedResource[],
  kind: K,
): readonly ParsedResource<K>[] {
  return resources.filter((resource): resource is ParsedResource<K> => resource.kind === kind)
}

/** Finds a text or a key with a lone surrogate, which no message to an agent or client can carry. */
function brokenTextIn(value: unknown, path: Path): Path | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : path
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, inner] of Object.entries(value)) {
    const at = [...path, name.toWellFormed()]
    const found = name.isWellFormed() ? brokenTextIn(inner, at) : at
    if (found !== undefined) return found
  }
  return undefined
}

export { formatResource } from './format-resource.ts'
