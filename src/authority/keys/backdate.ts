/**
 * How far other hosts' clocks may be behind: everything that is signed starts to be valid this much
 * earlier (decision 0018).
 */
export const BACKDATE_MS = 60_000
