// Original file: signet/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface CreateJoinTokenRequest {
  'bot'?: (string);
  'name'?: (string);
  'ttlSeconds'?: (number | string | Long);
  'maxUses'?: (number);
}

export interface CreateJoinTokenRequest__Output {
  'bot': (string);
  'name': (string);
  'ttlSeconds': (string);
  'maxUses': (number);
}
