// Original file: signet/v1/issuance.proto

import type { JwtSvidRequest as _signet_v1_JwtSvidRequest, JwtSvidRequest__Output as _signet_v1_JwtSvidRequest__Output } from '../../signet/v1/JwtSvidRequest.ts';

export interface IssueJwtSvidsRequest {
  'requests'?: (_signet_v1_JwtSvidRequest)[];
}

export interface IssueJwtSvidsRequest__Output {
  'requests': (_signet_v1_JwtSvidRequest__Output)[];
}
