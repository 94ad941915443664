import { z } from 'zod'
import { messageOf } from '../foundation/errors.ts'
import { Bundle } from '../spiffe/bundle.ts'
import { MAX_BUNDLE_BYTES } from './bundle-files.ts'

/**
 * A SPIFFE bundle as a user wrote it, as a mapping or as text. The result is its JSON without
 * insignificant whitespace. Nothing else changes, because a later version may understand more of
 * it.
 */
export const bundleDocument = z
  .union([z.string(), z.looseObject({})], 'expected a SPIFFE bundle, as a mapping or as text')
  .transform((written, context): string => {
    if (typeof written === 'string') return withoutSpace(written)
    if ('path' in written && !('keys' in written)) {
      context.addIssue('a file is read by `signet apply`, not by the authority: put its text here')
    } else if (
      typeof written['spiffe_sequence'] === 'number' &&
      !Number.isSafeInteger(written['spiffe_sequence'])
    ) {
      context.addIssue('its spiffe_sequence is too long for YAML: write the bundle as text (`bundle: |`)')
    }
    return JSON.stringify(written)
  })

/** Returns why the JSON is not a bundle that can be stored; undefined when it is. */
export function bundleProblem(trustDomain: string, json: string): string | undefined {
  if (Buffer.byteLength(json) > MAX_BUNDLE_BYTES) return `must be at most ${MAX_BUNDLE_BYTES / 1024} KiB`
  try {
    Bundle.parse(trustDomain, json)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** Returns a bundle as a mapping, which people can read, if that loses nothing; else as text. */
export function readableBundle(json: string): unknown {
  const value: unknown = JSON.parse(json)
  return JSON.stringify(value) === json ? value : json
}

/** Returns text that is not JSON, or is too long in any case, unchanged. A later check reports it. */
function withoutSpace(json: string): string {
  if (json.length > 4 * MAX_BUNDLE_BYTES || !isJson(json)) return json
  return json.replaceAll(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, '$1')
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
