import {distance} from 'fastest-levenshtein'

/** The name that is meant, where one or two letters, or the end, are off. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({name, off: typed && name.startsWith(typed) ? 0 : distance(typed, name)}))
    .filter(({name, off}) => off <= Math.min(2, name.length - 1))
    .sort((a, b) => a.off - b.off)
  return near[0]?.name
}
