// Original file: signet/v1/sync.proto

import type { Long } from '@grpc/proto-loader';

export interface SvidLives {
  'defaultX509Seconds'?: (number | string | Long);
  'defaultJwtSeconds'?: (number | string | Long);
  'jwtSignerNotAfter'?: (number | string | Long);
}

export interface SvidLives__Output {
  'defaultX509Seconds': (string);
  'defaultJwtSeconds': (string);
  'jwtSignerNotAfter': (string);
}
