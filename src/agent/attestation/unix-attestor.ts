import type { Peer } from '../../peer/peer.ts'
import type { Attributes, AttributeValue } from '../../policy/attributes.ts'
import type { AccountNames } from './account-names.ts'
import { AttestationFailedError, type DependsOn, type WorkloadAttestor } from './attestor.ts'
import type { FileDigests } from './file-digests.ts'

/** Attributes that are read only if a rule uses them, because they cost an access to /proc or more. */
const COSTLY = ['groups', 'binary_sha256', 'mount_namespace', 'cgroup'] as const
const DIGEST = 'workload.unix.binary_sha256'
/** An upper bound on the first two parts of an edition. */
const MAX_EDITIONS = 2 ** 32
/** Attributes that need a readable executable. */
const OF_EXECUTABLE = ['binary_path', 'binary_sha256', 'binary_deleted'] as const

type Wanted = Readonly<Record<(typeof COSTLY)[number], boolean>> & {
  readonly executable: boolean
  /** One bit per costly attribute. */
  readonly mask: number
}

export interface UnixAttestorDeps {
  readonly accounts: Pick<AccountNames, 'user' | 'group' | 'revision'>
  readonly digests: Pick<FileDigests, 'lateOf' | 'known' | 'of'>
}

/** Attests a local process from the kernel and the account files: `workload.unix.*`. */
export class UnixAttestor implements WorkloadAttestor {
  readonly name = 'unix'
  readonly #deps: UnixAttestorDeps
  #wantedLast: ReadonlySet<string> | undefined
  #wanted: Wanted = wantedOf(new Set())
  readonly #numbers = new WeakMap<ReadonlySet<string>, number>()
  #numbered = 0

  constructor(deps: UnixAttestorDeps) {
    this.#deps = deps
  }

  edition(wanted: ReadonlySet<string>, { credentials }: Peer): number {
    const { accounts, digests } = this.#deps
    const { mask, binary_sha256 } = this.#want(wanted)
    const sources = accounts.revision + digests.lateOf(credentials.uid) // both only increase
    const facts = sources * 2 ** COSTLY.length + mask
    // Whether a decision depends on the digest changes with the rules.
    return binary_sha256 ? facts + this.#numberOf(wanted) * MAX_EDITIONS : facts
  }

  /**
   * @throws AttestationFailedError if a rule needs the executable and it cannot be read, although
   * the agent has permission
   */
  attest(peer: Peer, wanted: ReadonlySet<string>, dependsOn?: DependsOn): Promise<Attributes> | Attributes {
    const needed = this.#want(wanted)
    if (needed.executable && peer.executable === undefined && peer.mayBeInspected) {
      // Its main thread has exited, or the process hides itself. It must not evade a rule that
      // denies by executable.
      throw new AttestationFailedError('the executable cannot be seen, though this agent has the right to')
    }
    const facts = this.#facts(peer, needed)
    if (!needed.binary_sha256 || peer.executable === undefined) return facts
    // The link leads to the executed file, whatever is at its path now; the peer is compared again
    // afterwards.
    const { digests } = this.#deps
    const { pid, uid } = peer.credentials
    const { device, inode } = peer.executable
    const request = { uid, path: `/proc/${pid}/exe`, device, inode }
    const known = digests.known(request)
    if (known !== undefined) return { ...facts, binary_sha256: known }
    if (dependsOn?.(DIGEST, { [this.name]: facts }) === false) return facts
    return digests
      .of(request)
      .then((digest) => (digest === undefined ? facts : { ...facts, binary_sha256: digest }))
  }

  changed(peer: Peer, facts: Attributes, wanted: ReadonlySet<string>): string | undefined {
    const needed = this.#want(wanted)
    if (needed.groups && String(peer.supplementaryGroups()) !== String(facts['groups'])) return 'other groups'
    if (needed.cgroup && peer.cgroup() !== facts['cgroup']) return 'other cgroup'
    if (needed.mount_namespace && peer.mountNamespace() !== facts['mount_namespace']) {
      return 'other mount namespace'
    }
    return undefined
  }

  #facts(peer: Peer, needed: Wanted): Attributes {
    const { pid, uid, gid } = peer.credentials
    const { accounts } = this.#deps
    const facts: Record<string, AttributeValue> = { pid, uid, gid }
    const add = (name: string, value: AttributeValue | undefined): void => {
      if (value !== undefined) facts[name] = value
    }
    if (needed.groups) add('groups', peer.supplementaryGroups())
    add('user', accounts.user(uid))
    add('group', accounts.group(gid))
    add('binary_path', peer.executable?.path)
    add('binary_deleted', peer.executable?.isDeleted)
    if (needed.mount_namespace) add('mount_namespace', peer.mountNamespace())
    if (needed.cgroup) add('cgroup', peer.cgroup())
    add('started_at', new Date(peer.startedAtMs).toISOString())
    return facts
  }

  #numberOf(wanted: ReadonlySet<string>): number {
    let number = this.#numbers.get(wanted)
    if (number === undefined) {
      this.#numbered += 1
      number = this.#numbered
      this.#numbers.set(wanted, number)
    }
    return number
  }

  #want(wanted: ReadonlySet<string>): Wanted {
    if (wanted === this.#wantedLast) return this.#wanted
    this.#wantedLast = wanted
    this.#wanted = wantedOf(wanted)
    return this.#wanted
  }
}

/** A rule may name an attribute or, in an expression, a tree that contains it. */
function wantedOf(wanted: ReadonlySet<string>): Wanted {
  const all = wanted.has('workload.unix') || wanted.has('workload')
  const isWanted = (name: string): boolean => all || wanted.has(`workload.unix.${name}`)
  return {
    groups: isWanted('groups'),
    binary_sha256: isWanted('binary_sha256'),
    mount_namespace: isWanted('mount_namespace'),
    cgroup: isWanted('cgroup'),
    executable: OF_EXECUTABLE.some(isWanted),
    mask: COSTLY.reduce((mask, name, bit) => mask + (isWanted(name) ? 2 ** bit : 0), 0),
  }
}
