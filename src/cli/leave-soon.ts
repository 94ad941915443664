/** Time for the error that ended the program to be printed. */
const LAST_WORDS_MS = 100

/** Ends a program that is done, whatever still holds it then, be it somebody who does not read what it has to say. */
export function leaveSoon(): void {
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref()
}
