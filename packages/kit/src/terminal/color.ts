const codes = {bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39]} as const

/** Functions that colour a text, or return it unchanged if colours are off. */
export type Colors = Readonly<Record<keyof typeof codes, (text: string) => string>>

/** The colours for a stream: off if it is not a terminal. NO_COLOR, FORCE_COLOR and TERM=dumb are honoured. */
export function colorsOf(stream: NodeJS.WriteStream): Colors {
  const forced = process.env.FORCE_COLOR
  // only terminals have hasColors, which honours the variables
  const enabled = stream.hasColors?.() ?? Boolean(forced && forced !== '0' && !process.env.NO_COLOR)
  return Object.fromEntries(
    Object.entries(codes).map(([name, [on, off]]) => [
      name,
      (text: string) => (enabled ? `\u001B[${on}m${text}\u001B[${off}m` : text),
    ]),
  ) as Colors
}
