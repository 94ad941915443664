import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Finished, signet } from './command.ts'
import { startAuthority, type TestAuthority } from './start-authority.ts'

/** An operator at a running authority, which has the bots `builder` (every role) and `ci` (none). */
export class Operator implements AsyncDisposable {
  readonly authority: TestAuthority

  private constructor(authority: TestAuthority) {
    this.authority = authority
  }

  static async start(): Promise<Operator> {
    const authority = await startAuthority()
    await authority.apply(`
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity }] }
---
${bot('builder', '[all]')}
---
${bot('ci', '[]')}
`)
    return new Operator(authority)
  }

  /** Runs a command, which may fail. */
  readonly run = (...args: readonly string[]): Promise<Finished> =>
    signet(args, { env: { SIGNET_ADMIN_SOCKET: this.authority.adminSocket } })

  /** Runs a command that must succeed. Returns its output. */
  readonly done = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await this.run(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }

  readonly json = async (...args: readonly string[]) => JSON.parse(await this.done(...args, '--json'))

  /** Writes a file beside the authority's data. Returns its path. */
  readonly file = async (name: string, text: string): Promise<string> => {
    const at = path.join(this.authority.directory, name)
    await mkdir(path.dirname(at), { recursive: true })
    await writeFile(at, text)
    return at
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.authority[Symbol.asyncDispose]()
  }
}

export function bot(name: string, roles: string): string {
  return `kind: bot\nversion: v1\nmetadata: { name: ${name} }\nspec: { roles: ${roles} }`
}
