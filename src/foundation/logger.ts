import { type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import type { Clock } from './clock.ts'
import { CodedError, messageOf } from './errors.ts'
import { LineWriter } from './line-writer.ts'
import { LogBudget } from './log-budget.ts'
import { printableJson } from './printable.ts'
import { standardErrorNow } from './standard-error.ts'

export type { Logger } from 'pino'

/** Names of fields that may hold a secret. The code must not log them; this is a safety net. */
const SECRET_FIELDS = ['secret', 'password', 'privateKey', 'private_key', 'jwt', 'proof', 'authorization']

/** Maximum length of one text in a line, because peers may send long ones. */
const MAX_TEXT_LENGTH = 4_096

const OPTIONS: LoggerOptions = {
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }), log: withShortTexts },
  redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  serializers: { err: describeError },
}

interface LoggerInput {
  readonly level?: string
  readonly name?: string
  readonly destination: { write(line: string): void }
  /** Limits what is written; no limit by default. */
  readonly budget?: LogBudget
}

/**
 * Creates a logger that writes JSON lines. Foreign text in them cannot control a terminal or start
 * a new line.
 */
export function createLogger(options: LoggerInput): Logger {
  const { level = 'info', name, budget, destination: out } = options
  const settings: LoggerOptions = { ...OPTIONS, level, base: name === undefined ? null : { name } }
  const destination = { write: (line: string) => out.write(printableJson(line)) }
  if (budget === undefined) return pino(settings, destination)
  const unbounded = pino(settings, destination)
  return pino({ ...settings, hooks: { logMethod: boundedBy(budget, unbounded) } }, destination)
}

/**
 * Creates the logger of a daemon. It is limited by a budget, and writes to standard error without
 * ever waiting for the reader.
 */
export function createDaemonLogger(options: { level: string; name: string; clock: Clock }): Logger {
  const { level, name, clock } = options
  const writer = new LineWriter({
    write: standardErrorNow(),
    clock,
    tellDropped: (lines) => {
      const time = clock.now().toISOString()
      const msg = 'the log was not read: lines were dropped'
      return `${JSON.stringify({ level: 'warn', time, name, event: 'log.dropped', lines, msg })}\n`
    },
  })
  process.once('exit', () => writer.flush())
  return createLogger({ level, name, destination: writer, budget: new LogBudget(clock) })
}

export const silentLogger: Logger = pino({ level: 'silent' }, { write: () => undefined })

/** The level of the line that says why the program ends. It is never left out. */
const FATAL = 60

type LogMethod = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>

function boundedBy(budget: LogBudget, logger: Logger): LogMethod {
  return function bounded(args, method, level) {
    if (level >= FATAL || budget.take(aboutOf(args), tell)) method.apply(this, args)
  }
  function tell(leftOut: object): void {
    logger.warn({ event: 'log.left_out', ...leftOut }, 'log lines above the limit were left out')
  }
}

/**
 * The subject is a uid from the kernel or a bot instance from the authority. Other fields do not
 * show who caused a line.
 */
function aboutOf(args: readonly unknown[]): { event: string; subject: string | undefined } {
  const [facts, message] = args
  if (typeof facts !== 'object' || facts === null) return { event: String(facts), subject: undefined }
  const { event, uid, botInstance } = facts as { event?: string; uid?: number; botInstance?: string }
  const subject = uid === undefined ? botInstance : `uid ${uid}`
  return { event: event ?? String(message), subject }
}

function describeError(thrown: unknown): object {
  const about = { message: shortened(messageOf(thrown)) }
  if (thrown instanceof CodedError) {
    const { code, cause } = thrown
    return { ...about, code, ...(cause ? { cause: shortened(messageOf(cause)) } : {}) }
  }
  return thrown instanceof Error && thrown.stack ? { ...about, stack: shortened(thrown.stack) } : about
}

function withShortTexts(facts: Record<string, unknown>): Record<string, unknown> {
  const isLong = (value: unknown): value is string =>
    typeof value === 'string' && value.length > MAX_TEXT_LENGTH
  if (!Object.values(facts).some(isLong)) return facts
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, isLong(value) ? shortened(value) : value]),
  )
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}…`
}
