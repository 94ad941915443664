import { InvalidSecretRequestError } from './errors.ts'

/** The maximum length of a SPIFFE ID. */
const MAX_NAME_BYTES = 2_048
/** The average bytes per name that a stream may keep: a stream lives as long as its Envoy. */
const BYTES_A_NAME = 256

/** The memory overhead of a kept name. */
const A_KEPT_NAME = 64

/** The memory that these names take, in bytes. */
export function bytesOfNames(names: Iterable<string>): number {
  let bytes = 0
  for (const name of names) bytes += A_KEPT_NAME + name.length
  return bytes
}

/** @throws InvalidSecretRequestError if there are too many names, or an invalid one */
export function checkNames(names: Iterable<string>, most: number): void {
  let count = 0
  let bytes = 0
  for (const name of names) {
    if (name === '') throw new InvalidSecretRequestError('a resource name is empty')
    const size = Buffer.byteLength(name)
    if (size > MAX_NAME_BYTES) {
      throw new InvalidSecretRequestError(`a resource name is longer than ${MAX_NAME_BYTES} bytes`)
    }
    count += 1
    bytes += size
  }
  if (count > most) throw new InvalidSecretRequestError(`more than ${most} resource names`)
  if (bytes > most * BYTES_A_NAME)
    throw new InvalidSecretRequestError('the resource names are too long together')
}
