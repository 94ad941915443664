/**
 * A key signs until two thirds of its life are over. What asks for more than the third that is left then gets less, the less the older the key is.
 * @returns a sentence, or undefined when the life can be had at any time
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
