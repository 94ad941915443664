// Original file: signet/v1/join.proto

import type { BotCertificate as _signet_v1_BotCertificate, BotCertificate__Output as _signet_v1_BotCertificate__Output } from '../../signet/v1/BotCertificate.ts';

export interface JoinResponse {
  'challenge'?: (Buffer | Uint8Array | string);
  'certificate'?: (_signet_v1_BotCertificate | null);
  'message'?: "challenge"|"certificate";
}

export interface JoinResponse__Output {
  'challenge'?: (Buffer);
  'certificate'?: (_signet_v1_BotCertificate__Output | null);
  'message'?: "challenge"|"certificate";
}
