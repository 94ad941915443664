// Original file: signet/v1/issuance.proto

import type { JwtSvidResult as _signet_v1_JwtSvidResult, JwtSvidResult__Output as _signet_v1_JwtSvidResult__Output } from '../../signet/v1/JwtSvidResult.ts';

export interface IssueJwtSvidsResponse {
  'results'?: (_signet_v1_JwtSvidResult)[];
}

export interface IssueJwtSvidsResponse__Output {
  'results': (_signet_v1_JwtSvidResult__Output)[];
}
