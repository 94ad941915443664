import { z } from 'zod'
import { formatDuration, parseDuration } from '../foundation/duration.ts'
import { messageOf } from '../foundation/errors.ts'
import { parseHostPort } from '../foundation/host-port.ts'

/** Value types that several files use. */

/** A text with a unit, converted to seconds. Both bounds are inclusive. */
export function duration(shortest: string, longest: string): z.ZodType<number, string> {
  const [min, max] = [parseDuration(shortest), parseDuration(longest)]
  return z
    .string()
    .transform((text, context) => {
      try {
        const seconds = parseDuration(text)
        if (seconds >= min && seconds <= max) return seconds
        context.addIssue(`must be between ${formatDuration(min)} and ${formatDuration(max)}`)
      } catch (error) {
        context.addIssue(messageOf(error))
      }
      return z.NEVER
    })
    .meta({ format: 'duration', range: `${shortest} to ${longest}` })
}

const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** A size such as `64KiB` or `256MiB`, converted to bytes. */
export const size: z.ZodType<number, string> = z
  .string()
  .regex(/^\d{1,6}(KiB|MiB|GiB)$/, 'expected a size with a unit, such as 64KiB or 256MiB')
  .transform((text) => Number.parseInt(text, 10) * (UNIT_BYTES[text.slice(-3)] ?? 1))

/** `host:port`; an IPv6 host in brackets. */
export const address = z.string().superRefine((text, context) => {
  try {
    parseHostPort(text)
  } catch (error) {
    context.addIssue(messageOf(error))
  }
})

export const pin = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex digits>, as `signet token create` prints it')

/** Names of resources occur in certificates, audit records and file names. */
export const resourceName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'expected a name of 1 to 63 letters, digits, dots, dashes and underscores that begins with a letter or digit',
  )

/**
 * A name under which Envoy requests a secret. SPIFFE IDs already denote their own secrets, and xDS
 * reserves `*`.
 */
export const secretName = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, 'expected a name of 1 to 256 printable characters without a space')
  .refine(
    (text) => text !== '*' && !text.startsWith('spiffe://'),
    'expected a name that is neither * nor a SPIFFE ID',
  )

export const filePath = z
  .string()
  .min(1)
  .max(4095)
  .refine((text) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(text), 'expected a path, not a URL')

export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error'])

export const count = (most: number): z.ZodInt => z.int().min(1).max(most)
