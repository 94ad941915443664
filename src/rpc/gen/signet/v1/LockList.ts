// Original file: signet/v1/sync.proto

import type { Lock as _signet_v1_Lock, Lock__Output as _signet_v1_Lock__Output } from '../../signet/v1/Lock.ts';

export interface LockList {
  'locks'?: (_signet_v1_Lock)[];
}

export interface LockList__Output {
  'locks': (_signet_v1_Lock__Output)[];
}
