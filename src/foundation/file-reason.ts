import { messageOf } from './errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'a file is in the way',
  ELOOP: 'a link is in the way',
  EIO: 'the disk failed',
}

/** Why a file cannot be written or made, in words. */
export function fileReason(error: unknown): string {
  return REASONS[errorCodeOf(error)] ?? messageOf(error)
}

/** The same of a file that is read, which is itself what can be missing. */
export function readReason(error: unknown): string {
  return errorCodeOf(error) === 'ENOENT' ? 'it does not exist' : fileReason(error)
}

function errorCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
