// Original file: signet/v1/issuance.proto


export interface IssueError {
  'code'?: (number);
  'message'?: (string);
}

export interface IssueError__Output {
  'code': (number);
  'message': (string);
}
