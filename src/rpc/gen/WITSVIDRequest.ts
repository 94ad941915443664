// Original file: spiffe/workload/workload.proto


export interface WITSVIDRequest {
  'spiffeId'?: (string);
}

export interface WITSVIDRequest__Output {
  'spiffeId': (string);
}
