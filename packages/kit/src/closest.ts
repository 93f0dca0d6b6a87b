import {distance} from 'fastest-levenshtein'

/** The most similar name: it differs in one or two letters or in case, or continues what was typed. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const word = typed.trim().toLowerCase()
  const near = names
    .map((name) => {
      const lower = name.toLowerCase()
      return {errors: word && lower.startsWith(word) ? 0 : distance(word, lower), isSame: lower === word, name}
    })
    .filter(({errors, name}) => errors <= Math.min(2, name.length - 1))
    // of equally similar names, prefer the one that differs only in case
    .sort((a, b) => a.errors - b.errors || Number(b.isSame) - Number(a.isSame))
  return near[0]?.name
}
