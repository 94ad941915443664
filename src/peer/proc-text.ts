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
