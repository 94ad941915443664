// Original file: signet/v1/report.proto


export interface DeliveredSvid {
  'spiffeId'?: (string);
  'serial'?: (string);
  'jti'?: (string);
  'name'?: "serial"|"jti";
}

export interface DeliveredSvid__Output {
  'spiffeId': (string);
  'serial'?: (string);
  'jti'?: (string);
  'name'?: "serial"|"jti";
}
