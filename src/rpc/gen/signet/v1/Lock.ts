// Original file: signet/v1/sync.proto

import type { Long } from '@grpc/proto-loader';

export interface Lock {
  'name'?: (string);
  'workloadIdentity'?: (string);
  'spiffeId'?: (string);
  'bot'?: (string);
  'botInstance'?: (string);
  'joinToken'?: (string);
  'expiresMs'?: (number | string | Long);
  'target'?: "workloadIdentity"|"spiffeId"|"bot"|"botInstance"|"joinToken";
}

export interface Lock__Output {
  'name': (string);
  'workloadIdentity'?: (string);
  'spiffeId'?: (string);
  'bot'?: (string);
  'botInstance'?: (string);
  'joinToken'?: (string);
  'expiresMs': (string);
  'target'?: "workloadIdentity"|"spiffeId"|"bot"|"botInstance"|"joinToken";
}
