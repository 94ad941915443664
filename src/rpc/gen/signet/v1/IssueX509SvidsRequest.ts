// Original file: signet/v1/issuance.proto

import type { X509SvidRequest as _signet_v1_X509SvidRequest, X509SvidRequest__Output as _signet_v1_X509SvidRequest__Output } from '../../signet/v1/X509SvidRequest.ts';

export interface IssueX509SvidsRequest {
  'requests'?: (_signet_v1_X509SvidRequest)[];
}

export interface IssueX509SvidsRequest__Output {
  'requests': (_signet_v1_X509SvidRequest__Output)[];
}
