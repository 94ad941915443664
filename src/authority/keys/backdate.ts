/** Clocks of other hosts may be behind ours by this much (decision 0018): everything signed begins so much earlier. */
export const BACKDATE_MS = 60_000
