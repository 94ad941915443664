const CODES = { heading: '1', good: '32', bad: '31', quiet: '2' } as const

export type Paint = keyof typeof CODES

/** Whether output may have colours: on a terminal, unless NO_COLOR (https://no-color.org) asks for none. */
export function isPainted(
  stream: { readonly isTTY?: boolean },
  { NO_COLOR: noColour, TERM: terminal }: NodeJS.ProcessEnv,
): boolean {
  return stream.isTTY === true && !noColour && terminal !== 'dumb'
}

/** Adds the codes of a colour to a line, in which foreign text must already be escaped. */
export function painted(paint: Paint, line: string): string {
  return `\u001b[${CODES[paint]}m${line}\u001b[0m`
}
