import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Readable } from 'node:stream'
import { main } from '../../src/cli/main.ts'

/** Runs commands of the CLI, in this process or in one of their own. */

export const signetBinary = path.resolve(import.meta.dirname, '../../bin/signet.js')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface CommandOptions {
  readonly input?: string
  /** Added to the environment of the test. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

interface Said {
  stdout: string
  stderr: string
}

const said = new AsyncLocalStorage<Said>()

/** Captures output of the command only. Output of the test runner passes through. */
function listenTo(name: keyof Said): void {
  const write = process[name].write.bind(process[name])
  process[name].write = ((text: string | Uint8Array, ...rest: []): boolean => {
    const heard = said.getStore()
    if (heard === undefined) return write(text, ...rest)
    heard[name] += typeof text === 'string' ? text : Buffer.from(text).toString()
    return true
  }) as typeof write
}
listenTo('stdout')
listenTo('stderr')

let last: Promise<unknown> = Promise.resolve()

/**
 * Runs a command in this process: the same code on the same sockets, without the start of a
 * process. Commands run one at a time, because a process has one environment, one standard input
 * and one exit code.
 */
export function signet(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const isProgram = args[1] === 'run' && !args.includes('--help')
  if (isProgram) return signetProcess(args, options) // a daemon handles signals and ends its process
  const running = last.then(() => run(args, options))
  last = running.catch(() => undefined)
  return running
}

async function run(args: readonly string[], { input = '', env = {} }: CommandOptions): Promise<Finished> {
  const before = { ...process.env }
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') as PropertyDescriptor
  const listeners = process.stdout.listeners('error')
  const { exitCode } = process
  const heard: Said = { stdout: '', stderr: '' }
  process.exitCode = undefined
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => Readable.from([Buffer.from(input)]) })
  assign(env)
  try {
    await said.run(heard, () => main(args))
    return { code: Number(process.exitCode ?? 0), ...heard }
  } finally {
    process.exitCode = exitCode
    Object.defineProperty(process, 'stdin', stdin)
    assign(before, Object.keys(env))
    for (const listener of process.stdout.listeners('error')) {
      if (!listeners.includes(listener)) process.stdout.off('error', listener as () => void)
    }
  }
}

function assign(env: Readonly<Record<string, string | undefined>>, names = Object.keys(env)): void {
  for (const name of names) {
    if (env[name] === undefined) delete process.env[name]
    else process.env[name] = env[name]
  }
}

/** Runs a command in a process of its own, optionally as another user. */
export async function signetProcess(
  args: readonly string[],
  options: CommandOptions & { readonly uid?: number } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [signetBinary, ...args], {
    env: { ...process.env, ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  const heard: Said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      heard[name] += text
    })
  }
  child.stdin.on('error', () => undefined) // it may end without reading its input
  child.stdin.end(options.input ?? '')
  await once(child, 'close')
  return { code: child.exitCode, ...heard }
}
