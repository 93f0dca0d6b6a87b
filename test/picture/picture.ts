import {readFileSync} from 'node:fs'
import path from 'node:path'

import {repository} from '../support/repository'
import {columns, run} from './run'
import {svg, themes} from './svg'

export const names = ['light', 'dark'] as const
export type Name = (typeof names)[number]

/** Generates the pictures in the README. */
export async function pictures(samples = 24): Promise<Record<Name, string>> {
  const screens = await run(samples)
  const about = {
    columns,
    description:
      'ovpn3 lists three VPN sessions, pauses one, resumes it and waits for the connection, then shows its traffic with a graph.',
    seconds: 2,
    title: 'ovpn3 in a terminal',
  }
  return {dark: svg(screens, themes.dark, about), light: svg(screens, themes.light, about)}
}

/** The path of a picture. */
export const fileOf = (name: Name) => path.join(repository, 'docs', `picture-${name}.svg`)

/** A picture without values that differ from run to run: times, rates, the graph, the spinner, and their widths. */
export function comparable(picture: string): string {
  return picture.replaceAll(/ (x|textLength)="[\d.]+"/g, '').replaceAll(/(?<=>)[^<]+(?=<)/g, (text) =>
    text
      .replaceAll(/[▁-█]+/g, '▁')
      .replaceAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '⠋')
      .replaceAll(/\b\d[\d.,:]*( [KMG]?i?B\b)?/g, '0'),
  )
}

export const committed = (name: Name) => readFileSync(fileOf(name), 'utf8')
