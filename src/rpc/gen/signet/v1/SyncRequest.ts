// Original file: signet/v1/sync.proto


export interface SyncRequest {
  'protocolVersion'?: (number);
  'agentVersion'?: (string);
}

export interface SyncRequest__Output {
  'protocolVersion': (number);
  'agentVersion': (string);
}
