import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type RunningAuthority, runAuthority } from '../../src/authority/authority.ts'
import { type AuthorityConfig, parseAuthorityConfig } from '../../src/config/authority-config.ts'
import { type Clock, systemClock } from '../../src/foundation/clock.ts'
import { createLogger, type Logger } from '../../src/foundation/logger.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import type { ApplyResponse__Output } from '../../src/rpc/gen/signet/v1/ApplyResponse.ts'
import type { CreateJoinTokenResponse__Output } from '../../src/rpc/gen/signet/v1/CreateJoinTokenResponse.ts'

interface StartAuthorityOptions {
  /** A given directory is kept; otherwise a temporary one is removed afterwards. */
  readonly directory?: string
  readonly trustDomain?: string
  readonly listen?: string
  /** Additional lines of authority.yaml, such as `lifetimes: { spiffe_ca: 2m }`. */
  readonly yaml?: string
  readonly clock?: Clock
  readonly logger?: Logger
  readonly acceptAltered?: boolean
  /** The text of `key_encryption_key`. */
  readonly kek?: string
}

/** An authority in this process, on a free port, with all of its files in one temporary directory. */
export interface TestAuthority extends AsyncDisposable {
  readonly directory: string
  readonly config: AuthorityConfig
  readonly running: RunningAuthority
  /** host:port of the agents' listener. */
  readonly address: string
  readonly pin: string
  readonly trustDomain: string
  readonly adminSocket: string
  /** Log lines. */
  readonly log: readonly string[]
  /** A client of AdminService on the real socket. */
  readonly admin: RpcClient
  /** Applies documents. Throws with their problems if there are any. */
  apply(yaml: string): Promise<ApplyResponse__Output>
  createJoinToken(
    bot: string,
    maxUses?: number,
    ttlSeconds?: number,
  ): Promise<CreateJoinTokenResponse__Output>
  /** Stops the authority. The directory stays until the object is disposed. */
  stop(): Promise<void>
}

export async function startAuthority(options: StartAuthorityOptions = {}): Promise<TestAuthority> {
  const directory = options.directory ?? (await mkdtemp(path.join(tmpdir(), 'signet-authority-')))
  const trustDomain = options.trustDomain ?? 'example.org'
  const text = [
    'version: 1',
    `trust_domain: ${trustDomain}`,
    'data_dir: data',
    `key_encryption_key: ${options.kek ?? '{ path: keys/kek }'}`,
    'admin: { socket: run/admin.sock }',
    `listen: "${options.listen ?? '127.0.0.1:0'}"`,
    options.yaml ?? '',
  ].join('\n')
  const config = parseAuthorityConfig(text, path.join(directory, 'authority.yaml'))
  const log: string[] = []
  const logger =
    options.logger ?? createLogger({ level: 'debug', destination: { write: (line) => void log.push(line) } })
  const running = await runAuthority(config, {
    clock: options.clock ?? systemClock,
    random: systemRandom,
    logger,
    environment: process.env,
    acceptAltered: options.acceptAltered ?? false,
  })
  const admin = new RpcClient({ target: { unixPath: running.adminSocket } })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    admin.close()
    stopped ??= Promise.resolve(running[Symbol.asyncDispose]())
    return stopped
  }
  return {
    directory,
    config,
    running,
    address: running.listen,
    pin: running.pin,
    trustDomain,
    adminSocket: running.adminSocket,
    log,
    admin,
    apply: async (yaml) => {
      const request = { files: [{ text: yaml, name: 'test.yaml' }] }
      const answer = await admin.unary<object, ApplyResponse__Output>(
        'signet.v1.AdminService',
        'Apply',
        request,
      )
      if (answer.problems.length > 0) throw new TypeError(answer.problems.join('\n'))
      return answer
    },
    createJoinToken: (bot, maxUses = 1, ttlSeconds = 3600) =>
      admin.unary('signet.v1.AdminService', 'CreateJoinToken', { bot, maxUses, ttlSeconds }),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}
