/**
 * Checks a lifetime against that of the signing key. A key signs until two thirds of its life are
 * over, so a lifetime longer than the remaining third will be shortened, the more the older the
 * key.
 * @returns a sentence, or undefined when the full lifetime is always possible
 */
export function lifeProblem(
  ttlSeconds: number,
  keyLifeSeconds: number,
  format: (seconds: number) => string,
): string | undefined {
  const always = Math.floor(keyLifeSeconds / 3)
  if (ttlSeconds <= always) return undefined
  const most = Math.min(ttlSeconds, keyLifeSeconds)
  return `a life of ${format(ttlSeconds)} cannot ${ttlSeconds > keyLifeSeconds ? '' : 'always '}be had under a key that lives ${format(keyLifeSeconds)}: it will be between ${format(always)} and ${format(most)}`
}
