import { CodedError } from '../foundation/errors.ts'

/** This kernel cannot reliably say who is at the other end of a socket. */
export class KernelUnsupportedError extends CodedError {
  override readonly name = 'KernelUnsupportedError'
  readonly code = 'ERR_PEER_KERNEL_UNSUPPORTED'
  readonly kind = 'failed_precondition'
}

/** The calling process cannot be identified on this host. */
export class UnknownPeerError extends CodedError {
  override readonly name = 'UnknownPeerError'
  readonly code = 'ERR_PEER_REFUSED'
  readonly kind = 'permission_denied'
}

/** There is no such process, or it has exited. */
export class ProcessNotFoundError extends CodedError {
  override readonly name = 'ProcessNotFoundError'
  readonly code = 'ERR_PEER_PROCESS_NOT_FOUND'
  readonly kind = 'not_found'
}

/** A system call failed unexpectedly. */
export class SystemCallError extends CodedError {
  override readonly name = 'SystemCallError'
  readonly code = 'ERR_PEER_SYSTEM_CALL'
  readonly kind = 'internal'
  readonly errno: number

  constructor(call: string, errno: number) {
    super(`${call} failed`, { detail: `errno ${errno}` })
    this.errno = errno
  }
}

/** A socket cannot be created at this path. */
export class SocketPathError extends CodedError {
  override readonly name = 'SocketPathError'
  readonly code = 'ERR_PEER_SOCKET_PATH'
  readonly kind = 'failed_precondition'
}

/** Another process already serves this socket. */
export class SocketInUseError extends CodedError {
  override readonly name = 'SocketInUseError'
  readonly code = 'ERR_PEER_SOCKET_IN_USE'
  readonly kind = 'already_exists'
}

/** A lock file cannot be opened. */
export class LockFileError extends CodedError {
  override readonly name = 'LockFileError'
  readonly code = 'ERR_PEER_LOCK_FILE'
  readonly kind = 'unavailable'
}
