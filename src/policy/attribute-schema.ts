/** The types an attribute may have; `dynamic` is known only when the caller is there. */
export type AttributeType = 'int' | 'string' | 'bool' | 'list<int>' | 'dynamic'

/** `workload.unix` is closed: a name that is not here is a typing mistake. */
export const UNIX_ATTRIBUTES = {
  pid: 'int',
  uid: 'int',
  gid: 'int',
  groups: 'list<int>',
  user: 'string',
  group: 'string',
  binary_path: 'string',
  binary_sha256: 'string',
  binary_deleted: 'bool',
  mount_namespace: 'string',
  cgroup: 'string',
  started_at: 'string',
} as const satisfies Readonly<Record<string, AttributeType>>

/** What every process has. When one of them is absent, it could not be read, and a rule that denies by it cannot say no. */
const OF_EVERY_PROCESS: ReadonlySet<string> = new Set(
  Object.keys(UNIX_ATTRIBUTES)
    .filter((name) => name !== 'user' && name !== 'group') // a uid may have no name
    .map((name) => `workload.unix.${name}`),
)

/** Whether the attribute at this path can only be absent because something went wrong. */
export function isOfEveryProcess(path: string): boolean {
  return OF_EVERY_PROCESS.has(path)
}

const BOT_ATTRIBUTES: Readonly<Record<string, AttributeType>> = { name: 'string', instance_id: 'string' }

/** One step of a path as it is written in a match key; what cannot be written so can be reached with CEL. */
const STEP = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/
const MOST_STEPS = 16

/** The roots of the attribute tree. */
export const ROOTS: ReadonlySet<string> = new Set(['workload', 'join', 'bot'])

/** The type of the attribute at a path, or a sentence that says why there is none. */
export function attributeTypeAt(
  steps: readonly string[],
): { readonly type: AttributeType } | { readonly problem: string } {
  const [root, second, third] = steps
  const path = steps.join('.')
  if (steps.length > MOST_STEPS || steps.some((step) => step === '')) {
    return { problem: `"${path}" is not an attribute path` }
  }
  switch (root) {
    case 'workload': {
      if (second === undefined) return group(path)
      if (second !== 'unix') return unknown(path, 'workload.unix')
      if (third === undefined) return group(path)
      if (steps.length > 3 || !Object.hasOwn(UNIX_ATTRIBUTES, third)) {
        return unknown(path, `workload.unix.{${Object.keys(UNIX_ATTRIBUTES).join(',')}}`)
      }
      return { type: UNIX_ATTRIBUTES[third as keyof typeof UNIX_ATTRIBUTES] }
    }
    case 'join':
      return second === undefined ? group(path) : { type: 'dynamic' }
    case 'bot': {
      if (second === undefined || (second === 'traits' && third === undefined)) return group(path)
      if (second === 'traits' && steps.length === 3) return { type: 'string' }
      const type = steps.length === 2 ? BOT_ATTRIBUTES[second] : undefined
      return type === undefined ? unknown(path, 'bot.{name,instance_id,traits.*}') : { type }
    }
    default:
      return unknown(path, 'workload.unix.*, join.* and bot.*')
  }
}

/** The same for a dotted path, whose steps must be plain names. */
export function attributeTypeOf(
  path: string,
): { readonly type: AttributeType } | { readonly problem: string } {
  const steps = path.split('.')
  if (!steps.every((step) => STEP.test(step))) return { problem: `"${path}" is not an attribute path` }
  return attributeTypeAt(steps)
}

function group(path: string): { readonly problem: string } {
  return { problem: `"${path}" names a group of attributes, not one` }
}

function unknown(path: string, known: string): { readonly problem: string } {
  return { problem: `unknown attribute "${path}" (known: ${known})` }
}
