import { Document, visit } from 'yaml'
import { UNPRINTABLE as UNPRINTABLE_CHARACTER } from '../foundation/printable.ts'

interface WrittenMetadata {
  readonly labels?: Readonly<Record<string, string>>
  /** RFC 3339. */
  readonly expires?: string
  readonly revision?: string
}

/** Formats a resource as YAML. `parseResources` reads it back. */
export function formatResource(kind: string, name: string, metadata: WrittenMetadata, spec: unknown): string {
  const { labels, expires, revision } = metadata
  const document = new Document(
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
    // Quotes words such as `yes` or `1e3` for YAML 1.1 parsers, too.
    { compat: 'yaml-1.1', aliasDuplicateObjects: false },
  )
  quoteUnprintable(document)
  return escapeUnprintable(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
  )
}

const UNPRINTABLE = new RegExp(`(?!\\n)${UNPRINTABLE_CHARACTER.source}`, 'u')

/** YAML allows escapes only between double quotes. */
function quoteUnprintable(document: Document): void {
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && UNPRINTABLE.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
}

function escapeUnprintable(yaml: string): string {
  return yaml.replaceAll(new RegExp(UNPRINTABLE.source, 'gu'), (found) => {
    const point = (found.codePointAt(0) ?? 0).toString(16)
    return point.length <= 4 ? `\\u${point.padStart(4, '0')}` : `\\U${point.padStart(8, '0')}`
  })
}
