import { readFileSync } from 'node:fs'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes, AttributeValue } from '../../policy/attributes.ts'
import type { AccountNames } from './account-names.ts'
import type { WorkloadAttestor } from './attestor.ts'
import type { FileIdentity } from './file-digests.ts'

const DIGEST = 'workload.unix.binary_sha256'

export interface UnixAttestorDeps {
  readonly accounts: Pick<AccountNames, 'user' | 'group' | 'revision'>
  readonly digests: {
    readonly late: number
    of(path: string, file: FileIdentity): Promise<string | undefined>
  }
  /** Text of /proc/PID/status. */
  readonly readStatus?: (pid: number) => string
}

/** What the kernel and the account files say of a local process: `workload.unix.*`. */
export class UnixAttestor implements WorkloadAttestor {
  readonly name = 'unix'
  readonly #deps: UnixAttestorDeps
  #wanted: ReadonlySet<string> | undefined
  #wantsDigest = false

  constructor(deps: UnixAttestorDeps) {
    this.#deps = deps
  }

  edition(wanted: ReadonlySet<string>): number {
    const { accounts, digests } = this.#deps
    const sources = accounts.revision + digests.late // both only grow
    return sources * 2 + (this.#needsDigest(wanted) ? 1 : 0)
  }

  attest(peer: Peer, wanted: ReadonlySet<string>): Promise<Attributes> | Attributes {
    const facts = this.#facts(peer)
    if (!this.#needsDigest(wanted) || peer.executable === undefined) return facts
    // The link leads to the file itself, whatever was put at its path since; the peer is compared again afterwards.
    return this.#deps.digests
      .of(`/proc/${peer.credentials.pid}/exe`, peer.executable)
      .then((digest) => (digest === undefined ? facts : { ...facts, binary_sha256: digest }))
  }

  #facts(peer: Peer): Attributes {
    const { pid, uid, gid } = peer.credentials
    const { accounts } = this.#deps
    const facts: Record<string, AttributeValue> = { pid, uid, gid }
    const add = (name: string, value: AttributeValue | undefined): void => {
      if (value !== undefined) facts[name] = value
    }
    add('groups', this.#supplementaryGroups(pid))
    add('user', accounts.user(uid))
    add('group', accounts.group(gid))
    add('binary_path', peer.executable?.path)
    add('started_at', new Date(peer.startedAtMs).toISOString())
    return facts
  }

  /** Absent when the process cannot be looked at; that it still is the same one is checked after reading. */
  #supplementaryGroups(pid: number): readonly number[] | undefined {
    try {
      const status = (this.#deps.readStatus ?? readStatus)(pid)
      const line = /^Groups:\s*([\d ]*)$/m.exec(status)?.[1]
      return line
        ?.split(' ')
        .filter((text) => text !== '')
        .map(Number)
    } catch {
      return undefined // /proc hides it, or it has exited
    }
  }

  /** A rule may name the attribute or, in an expression, a subtree that holds it. */
  #needsDigest(wanted: ReadonlySet<string>): boolean {
    if (wanted !== this.#wanted) {
      this.#wanted = wanted
      this.#wantsDigest = wanted.has(DIGEST) || wanted.has('workload.unix') || wanted.has('workload')
    }
    return this.#wantsDigest
  }
}

function readStatus(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'latin1')
}
