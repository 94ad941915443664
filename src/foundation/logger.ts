import {
  type DestinationStream,
  destination,
  type Logger,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from 'pino'
import { CodedError, messageOf } from './errors.ts'

export type { Logger } from 'pino'

/** Names of fields that may hold a secret. Nobody should log them; this is the net below. */
const SECRET_FIELDS = ['secret', 'password', 'privateKey', 'private_key', 'jwt', 'proof', 'authorization']

const OPTIONS: LoggerOptions = {
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  serializers: { err: describeError },
}

export interface LoggerInput {
  readonly level?: string
  readonly name?: string
  readonly destination?: { write(line: string): void }
}

/** A logger that writes JSON lines to stderr; stdout belongs to what a command prints. */
export function createLogger(options: LoggerInput): Logger {
  const settings = {
    ...OPTIONS,
    level: options.level ?? 'info',
    base: options.name === undefined ? null : { name: options.name },
  }
  return pino(settings, options.destination ?? standardError())
}

export const silentLogger: Logger = pino({ level: 'silent' }, { write: () => undefined })

function standardError(): DestinationStream {
  const stream = destination({ fd: 2, sync: true })
  // Whoever read our log has gone. That must not end the program, and there is nowhere left to say it.
  stream.on('error', () => undefined)
  return stream
}

function describeError(thrown: unknown): object {
  const about = { message: messageOf(thrown) }
  if (thrown instanceof CodedError) {
    return { ...about, code: thrown.code, ...(thrown.cause ? { cause: messageOf(thrown.cause) } : {}) }
  }
  return thrown instanceof Error ? { ...about, stack: thrown.stack } : about
}
