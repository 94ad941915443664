// Original file: signet/v1/issuance.proto

import type { IssuedX509Svid as _signet_v1_IssuedX509Svid, IssuedX509Svid__Output as _signet_v1_IssuedX509Svid__Output } from '../../signet/v1/IssuedX509Svid.ts';
import type { IssueError as _signet_v1_IssueError, IssueError__Output as _signet_v1_IssueError__Output } from '../../signet/v1/IssueError.ts';

export interface X509SvidResult {
  'issued'?: (_signet_v1_IssuedX509Svid | null);
  'error'?: (_signet_v1_IssueError | null);
  'outcome'?: "issued"|"error";
}

export interface X509SvidResult__Output {
  'issued'?: (_signet_v1_IssuedX509Svid__Output | null);
  'error'?: (_signet_v1_IssueError__Output | null);
  'outcome'?: "issued"|"error";
}
