/**
 * Splits a /proc file into lines, at line feeds only. Processes choose some of the text, such as
 * their name, and a multi-line regular expression would take a carriage return in it for the end of
 * a line.
 */
function linesOf(text: string): readonly string[] {
  return text.split('\n')
}

/** The value of the first line that begins with `name:`, trimmed. */
export function fieldOf(text: string, name: string): string | undefined {
  const start = `${name}:`
  return linesOf(text)
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim()
}

/**
 * Reads /proc/PID/cgroup: the path in the unified hierarchy (cgroup v2) or else in systemd's;
 * undefined if there is neither.
 */
export function cgroupOf(text: string): string | undefined {
  const pathIn = (hierarchy: RegExp): string | undefined => {
    const line = linesOf(text).find((each) => hierarchy.test(each))
    const path = line?.replace(hierarchy, '')
    return path?.startsWith('/') ? path : undefined
  }
  const unified = pathIn(/^0::/)
  return unified !== undefined && unified !== '/' ? unified : (pathIn(/^\d+:name=systemd:/) ?? unified)
}

/** Whether a /proc/PID/mountinfo lists a mount with this ID. */
export function hasMount(mountInfo: string, mountId: bigint): boolean {
  return linesOf(mountInfo).some((line) => line.startsWith(`${mountId} `))
}

/** The number of fields from the name to the start time, which is field 22. */
const FROM_NAME_TO_START = 20

/**
 * The start time in a /proc/PID/stat, in clock ticks; undefined if it has none. The name in
 * parentheses may itself contain spaces and parentheses, but nothing after it does. Read for every
 * connection, so it does not split the text.
 */
export function startTimeOf(stat: string): string | undefined {
  let at = stat.lastIndexOf(')')
  for (let field = 0; at >= 0 && field < FROM_NAME_TO_START; field++) at = stat.indexOf(' ', at + 1)
  return at < 0 ? undefined : /^\d+/.exec(stat.slice(at + 1, at + 21))?.[0]
}
