// Original file: signet/v1/issuance.proto

import type { Long } from '@grpc/proto-loader';

export interface IssuedJwtSvid {
  'token'?: (string);
  'issuedAt'?: (number | string | Long);
  'expiresAt'?: (number | string | Long);
}

export interface IssuedJwtSvid__Output {
  'token': (string);
  'issuedAt': (string);
  'expiresAt': (string);
}
