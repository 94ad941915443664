// Original file: signet/v1/report.proto


export interface Denial {
  'reason'?: (string);
}

export interface Denial__Output {
  'reason': (string);
}
