// Original file: signet/v1/issuance.proto

import type { IssuedJwtSvid as _signet_v1_IssuedJwtSvid, IssuedJwtSvid__Output as _signet_v1_IssuedJwtSvid__Output } from '../../signet/v1/IssuedJwtSvid.ts';
import type { IssueError as _signet_v1_IssueError, IssueError__Output as _signet_v1_IssueError__Output } from '../../signet/v1/IssueError.ts';

export interface JwtSvidResult {
  'issued'?: (_signet_v1_IssuedJwtSvid | null);
  'error'?: (_signet_v1_IssueError | null);
  'outcome'?: "issued"|"error";
}

export interface JwtSvidResult__Output {
  'issued'?: (_signet_v1_IssuedJwtSvid__Output | null);
  'error'?: (_signet_v1_IssueError__Output | null);
  'outcome'?: "issued"|"error";
}
