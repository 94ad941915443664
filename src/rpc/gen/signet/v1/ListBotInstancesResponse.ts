// Original file: signet/v1/admin.proto

import type { BotInstance as _signet_v1_BotInstance, BotInstance__Output as _signet_v1_BotInstance__Output } from '../../signet/v1/BotInstance.ts';

export interface ListBotInstancesResponse {
  'instances'?: (_signet_v1_BotInstance)[];
}

export interface ListBotInstancesResponse__Output {
  'instances': (_signet_v1_BotInstance__Output)[];
}
