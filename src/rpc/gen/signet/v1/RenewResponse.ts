// Original file: signet/v1/join.proto

import type { BotCertificate as _signet_v1_BotCertificate, BotCertificate__Output as _signet_v1_BotCertificate__Output } from '../../signet/v1/BotCertificate.ts';

export interface RenewResponse {
  'certificate'?: (_signet_v1_BotCertificate | null);
}

export interface RenewResponse__Output {
  'certificate': (_signet_v1_BotCertificate__Output | null);
}
