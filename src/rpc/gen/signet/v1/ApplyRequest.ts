// Original file: signet/v1/admin.proto

import type { ResourceFile as _signet_v1_ResourceFile, ResourceFile__Output as _signet_v1_ResourceFile__Output } from '../../signet/v1/ResourceFile.ts';

export interface ApplyRequest {
  'dryRun'?: (boolean);
  'files'?: (_signet_v1_ResourceFile)[];
}

export interface ApplyRequest__Output {
  'dryRun': (boolean);
  'files': (_signet_v1_ResourceFile__Output)[];
}
