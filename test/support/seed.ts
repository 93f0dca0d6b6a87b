/**
 * The seed of the tests' random inputs. It is fixed, so that results are reproducible; set SEED to a number, or to
 * `new` for a random seed.
 */
export const seed = seedOf(process.env.SEED)

function seedOf(text: string | undefined): number {
  if (text === undefined) return 20_261_124
  return text === 'new' ? Date.now() % 2 ** 31 : Number(text)
}
