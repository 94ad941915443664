import path from 'node:path'
import { headKeyPath, isHeadKey } from '../audit/head-key.ts'
import { type CheckedCopy, type CopyCheck, checkCopy } from '../datastore/seals/check-copy.ts'
import { BackupInvalidError } from './errors.ts'
import { DATABASE } from './manifest.ts'

/**
 * Checks that the files of a backup belong together: database and head key are sealed under the same
 * key, also when it was changed while they were copied.
 * @throws WrongSealingKeyError | DatastoreInvalidError | BackupInvalidError
 */
export async function checkFiles(directory: string, check: CopyCheck): Promise<CheckedCopy> {
  const copy = await checkCopy(path.join(directory, DATABASE), check)
  if (await isHeadKey(headKeyPath(directory), check.kek)) return copy
  throw new BackupInvalidError(
    'the key-encryption key was changed between the files of this backup: make another one',
  )
}
