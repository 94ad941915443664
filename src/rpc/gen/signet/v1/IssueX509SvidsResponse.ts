// Original file: signet/v1/issuance.proto

import type { X509SvidResult as _signet_v1_X509SvidResult, X509SvidResult__Output as _signet_v1_X509SvidResult__Output } from '../../signet/v1/X509SvidResult.ts';

export interface IssueX509SvidsResponse {
  'results'?: (_signet_v1_X509SvidResult)[];
}

export interface IssueX509SvidsResponse__Output {
  'results': (_signet_v1_X509SvidResult__Output)[];
}
