// Original file: signet/v1/join.proto

import type { JoinStart as _signet_v1_JoinStart, JoinStart__Output as _signet_v1_JoinStart__Output } from '../../signet/v1/JoinStart.ts';

export interface JoinRequest {
  'start'?: (_signet_v1_JoinStart | null);
  'answer'?: (Buffer | Uint8Array | string);
  'message'?: "start"|"answer";
}

export interface JoinRequest__Output {
  'start'?: (_signet_v1_JoinStart__Output | null);
  'answer'?: (Buffer);
  'message'?: "start"|"answer";
}
