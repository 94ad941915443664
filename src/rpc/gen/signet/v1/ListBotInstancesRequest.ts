// Original file: signet/v1/admin.proto


export interface ListBotInstancesRequest {
  'bot'?: (string);
}

export interface ListBotInstancesRequest__Output {
  'bot': (string);
}
