// Original file: signet/v1/issuance.proto

export const Occasion = {
  OCCASION_UNSPECIFIED: 'OCCASION_UNSPECIFIED',
  OCCASION_CALL: 'OCCASION_CALL',
  OCCASION_RENEWAL: 'OCCASION_RENEWAL',
} as const;

export type Occasion =
  | 'OCCASION_UNSPECIFIED'
  | 0
  | 'OCCASION_CALL'
  | 1
  | 'OCCASION_RENEWAL'
  | 2

export type Occasion__Output = typeof Occasion[keyof typeof Occasion]
