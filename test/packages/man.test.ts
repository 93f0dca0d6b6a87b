import {exitStatus} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {execFileSync, spawnSync} from 'node:child_process'
import {readdirSync} from 'node:fs'
import path from 'node:path'
import {describe, it} from 'node:test'

import {projectJson} from '../support/cli'
import {siblings} from '../support/commands'
import {repository} from '../support/repository'

interface Manifest {
  readonly commands: Readonly<
    Record<
      string,
      {
        readonly examples: readonly {readonly command: string}[]
        readonly flags: Readonly<Record<string, {readonly char?: string; readonly name: string}>>
        readonly optionalValues?: Readonly<Record<string, string>>
      }
    >
  >
}

const hasMandoc = spawnSync('mandoc', ['-T', 'lint', '/dev/null']).error === undefined
const skip = hasMandoc || process.env.CI === 'true' ? false : 'needs mandoc'

const sections = [
  'NAME',
  'SYNOPSIS',
  'DESCRIPTION',
  'OPTIONS',
  'EXIT STATUS',
  'ENVIRONMENT',
  'FILES',
  'EXAMPLES',
  'SEE ALSO',
]
const commands = Object.assign(
  {},
  ...['', ...siblings.map((name) => `plugins/${name}/`)].map(
    (folder) => (projectJson(`${folder}oclif.manifest.json`) as Manifest).commands,
  ),
) as Manifest['commands']
const pageOf = (id: string) => `ovpn3-${id.replaceAll(':', '-')}`
const pages = ['ovpn3', ...Object.keys(commands).map((id) => pageOf(id))]
const fileOf = (page: string) => path.join(repository, 'man', `${page}.1`)

/** A page as it is read on a terminal, without bold and underlined. */
function textOf(page: string): string {
  const text = execFileSync('mandoc', ['-T', 'ascii', '-O', 'width=80', fileOf(page)], {encoding: 'utf8'})
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/.\u0008/g, '')
}

describe('man pages', {skip}, () => {
  it('there is one for the CLI and for each command', () => {
    assert.deepEqual(readdirSync(path.join(repository, 'man')).sort(), pages.map((page) => `${page}.1`).sort())
    const {man} = projectJson('package.json') as {man: string[]}
    assert.deepEqual([...man].sort(), pages.map((page) => `./man/${page}.1`).sort())
  })

  for (const page of pages) {
    it(`${page}: mandoc has nothing to say`, () => {
      const {status, stderr, stdout} = spawnSync('mandoc', ['-T', 'lint', fileOf(page)], {encoding: 'utf8'})
      assert.deepEqual([status, stdout, stderr], [0, '', ''])
    })

    it(`${page}: has all sections, and fits 80 columns`, () => {
      const text = textOf(page)
      const found = [...text.matchAll(/^[A-Z][A-Z ]+$/gm)]
        .map(([title]) => title)
        .filter((title) => title !== 'COMMANDS')
      assert.deepEqual(found, sections)
      for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
    })
  }

  for (const [id, {examples, flags, optionalValues = {}}] of Object.entries(commands))
    it(`${id}: the options and examples of its help`, () => {
      const text = textOf(pageOf(id))
      const options = text.slice(text.indexOf('\nOPTIONS\n'), text.indexOf('\nEXIT STATUS\n'))
      for (const {char, name} of Object.values(flags)) {
        const label = `${char ? `-${char}, ` : ''}--${name}`
        const value = name in optionalValues ? String.raw`\[=` : '[ =,\n]'
        assert.match(options, new RegExp(`^ {5,8}${label}${value}`, 'm'))
      }

      const lines = text.replaceAll(/ \\\n +/g, ' ')
      for (const {command} of examples) {
        const line = command.replace('<%= config.bin %>', 'ovpn3').replace('<%= command.id %>', id.replaceAll(':', ' '))
        assert.ok(lines.includes(`\n           ${line}\n`) || lines.includes(`\n         ${line}\n`), line)
      }
    })

  it('every exit status is named', () => {
    const text = textOf('ovpn3')
    const shown = text.slice(text.indexOf('\nEXIT STATUS\n'), text.indexOf('\nENVIRONMENT\n'))
    const statuses = [...shown.matchAll(/^ {5,8}(\d+) /gm)].map(([, status]) => Number(status))
    assert.deepEqual(
      statuses,
      [...new Set([0, ...Object.values(exitStatus)])].sort((a, b) => a - b),
    )
  })
})
