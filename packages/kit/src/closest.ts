import {distance} from 'fastest-levenshtein'

/** The name that is meant, where one or two letters, the case, or the end, are off. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const word = typed.trim().toLowerCase()
  const near = names
    .map((name) => ({name, off: word && name.toLowerCase().startsWith(word) ? 0 : distance(word, name.toLowerCase())}))
    .filter(({name, off}) => off <= Math.min(2, name.length - 1))
    // of names that are as near, the one that was typed but for the case
    .sort((a, b) => a.off - b.off || Number(b.name.toLowerCase() === word) - Number(a.name.toLowerCase() === word))
  return near[0]?.name
}
