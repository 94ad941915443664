/**
 * What /proc says in lines, whose end is a line feed and nothing else. Names in it are chosen by others: a process names itself with a
 * carriage return in it, which a regular expression over many lines takes for the end of one.
 */
function linesOf(text: string): readonly string[] {
  return text.split('\n')
}

/** The value of the first line that begins with `name:`, without white space around it. */
export function fieldOf(text: string, name: string): string | undefined {
  const start = `${name}:`
  return linesOf(text)
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim()
}

/** The path in the unified hierarchy, or that in systemd's where there is none; undefined when there is neither. */
export function cgroupOf(text: string): string | undefined {
  const pathIn = (hierarchy: RegExp): string | undefined => {
    const line = linesOf(text).find((each) => hierarchy.test(each))
    const path = line?.replace(hierarchy, '')
    return path?.startsWith('/') ? path : undefined
  }
  const unified = pathIn(/^0::/)
  return unified !== undefined && unified !== '/' ? unified : (pathIn(/^\d+:name=systemd:/) ?? unified)
}

/** Whether a /proc/PID/mountinfo has a mount of this number. */
export function hasMount(mountInfo: string, mountId: bigint): boolean {
  return linesOf(mountInfo).some((line) => line.startsWith(`${mountId} `))
}
