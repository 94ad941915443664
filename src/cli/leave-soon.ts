/** Time to print the error that ended the program. */
const LAST_WORDS_MS = 100

/**
 * Ends a finished program even if something keeps it alive, such as a reader of its output that
 * does not read.
 */
export function leaveSoon(leave: () => void = process.exit): void {
  setTimeout(() => leave(), LAST_WORDS_MS).unref()
}
