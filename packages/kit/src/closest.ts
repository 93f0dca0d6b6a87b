import {distance} from 'fastest-levenshtein'

/** The name that is meant, where one or two letters, the case, or the end, are off. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const word = typed.trim().toLowerCase()
  const near = names
    .map((name) => {
      const lower = name.toLowerCase()
      return {isSame: lower === word, name, off: word && lower.startsWith(word) ? 0 : distance(word, lower)}
    })
    .filter(({name, off}) => off <= Math.min(2, name.length - 1))
    // of equally near names, the one that differs in case only
    .sort((a, b) => a.off - b.off || Number(b.isSame) - Number(a.isSame))
  return near[0]?.name
}
