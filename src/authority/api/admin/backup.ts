import path from 'node:path'
import type { BackupRequest__Output } from '../../../rpc/gen/signet/v1/BackupRequest.ts'
import type { BackupResponse } from '../../../rpc/gen/signet/v1/BackupResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import type { BackupWriter } from '../../backup/backup-writer.ts'
import { BackupRefusedError } from '../../backup/errors.ts'
import { actorOf, type Caller } from '../../caller.ts'

/** AdminService: backups. */
export function backupHandlers(
  backups: BackupWriter,
  keySource: string,
): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'Backup'> {
  return {
    Backup: {
      unary: async (caller: Caller, { directory }: BackupRequest__Output): Promise<BackupResponse> => {
        if (!path.isAbsolute(directory)) throw new BackupRefusedError('the directory is not an absolute path')
        const { bytes, lastSequence } = await backups.write(path.normalize(directory), actorOf(caller))
        return { bytes, lastEvent: lastSequence, keySource }
      },
    },
  }
}
