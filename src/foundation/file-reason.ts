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

/** Explains why a file cannot be written or created. */
export function fileReason(error: unknown): string {
  return REASONS[errorCodeOf(error)] ?? messageOf(error)
}

/** Explains why a file cannot be read. Here ENOENT means the file itself. */
export function readReason(error: unknown): string {
  return errorCodeOf(error) === 'ENOENT' ? 'it does not exist' : fileReason(error)
}

function errorCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
