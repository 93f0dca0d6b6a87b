/**
 * What the random inputs of the tests are made from. It is the same every time, so that a commit that has passed passes
 * again; the variable SEED gives another: a number, or `new`.
 */
export const seed = seedOf(process.env.SEED)

function seedOf(text: string | undefined): number {
  if (text === undefined) return 20_261_124
  return text === 'new' ? Date.now() % 2 ** 31 : Number(text)
}
