// Original file: signet/v1/sync.proto


export interface WorkloadIdentity {
  'name'?: (string);
  'revision'?: (string);
  'labels'?: ({[key: string]: string});
  'specJson'?: (string);
}

export interface WorkloadIdentity__Output {
  'name': (string);
  'revision': (string);
  'labels': ({[key: string]: string});
  'specJson': (string);
}
