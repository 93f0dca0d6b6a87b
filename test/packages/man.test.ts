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
        readonly aliases: readonly string[]
        readonly examples: readonly {readonly command: string}[]
        readonly flags: Readonly<Record<string, {readonly char?: string; readonly name: string}>>
        readonly optionalValues?: Readonly<Record<string, string>>
      }
    >
  >
}

const hasMandoc = spawnSync('mandoc', ['-T', 'lint', '/dev/null']).error === undefined
const skip = hasMandoc || process.env.CI === 'true' ? false : 'requires mandoc'

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
const typed = (id: string) => id.replaceAll(':', ' ')
const pageOf = (id: string) => `ovpn3-${id.replaceAll(':', '-')}`
const aliases = Object.entries(commands).flatMap(([id, command]) =>
  command.aliases.filter((alias) => !alias.includes(':')).map((alias) => ({alias, id})),
)
const pages = ['ovpn3', ...Object.keys(commands).map((id) => pageOf(id)), ...aliases.map(({alias}) => pageOf(alias))]
const fileOf = (page: string) => path.join(repository, 'man', `${page}.1`)

/** A page as shown on a terminal, without bold and underlined text. */
function textOf(page: string): string {
  const text = execFileSync('mandoc', ['-T', 'ascii', '-O', 'width=80', fileOf(page)], {encoding: 'utf8'})
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/.\u0008/g, '')
}

describe('man pages', {skip}, () => {
  it('exist for the CLI, for each command and for each alias', () => {
    assert.deepEqual(readdirSync(path.join(repository, 'man')).sort(), pages.map((page) => `${page}.1`).sort())
    const {man} = projectJson('package.json') as {man: string[]}
    assert.deepEqual([...man].sort(), pages.map((page) => `./man/${page}.1`).sort())
  })

  for (const {alias, id} of aliases)
    it(`name the alias ${alias} of ${id}, whose page uses its name`, () => {
      const text = textOf(pageOf(id))
      const names = text.slice(text.indexOf('\nNAME\n'), text.indexOf('\nSYNOPSIS\n'))
      assert.match(names, new RegExp(String.raw`[ ,]${pageOf(alias)}[ ,]`))
      const own = textOf(pageOf(alias))
      assert.match(own, new RegExp(String.raw`\nSYNOPSIS\n +ovpn3 ${typed(alias)}\s`))
    })

  for (const page of pages) {
    it(`have no mandoc warnings: ${page}`, () => {
      const {status, stderr, stdout} = spawnSync('mandoc', ['-T', 'lint', fileOf(page)], {encoding: 'utf8'})
      assert.deepEqual([status, stdout, stderr], [0, '', ''])
    })

    it(`have all sections and fit 80 columns: ${page}`, () => {
      const text = textOf(page)
      const found = [...text.matchAll(/^[A-Z][A-Z ]+$/gm)]
        .map(([title]) => title)
        .filter((title) => title !== 'COMMANDS')
      assert.deepEqual(found, sections)
      for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
    })
  }

  for (const [id, {examples, flags, optionalValues = {}}] of Object.entries(commands))
    it(`contain the options and examples of the command's help: ${id}`, () => {
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

  it('document every exit status', () => {
    const text = textOf('ovpn3')
    const shown = text.slice(text.indexOf('\nEXIT STATUS\n'), text.indexOf('\nENVIRONMENT\n'))
    const statuses = [...shown.matchAll(/^ {5,8}(\d+) /gm)].map(([, status]) => Number(status))
    assert.deepEqual(
      statuses,
      [...new Set([0, ...Object.values(exitStatus)])].sort((a, b) => a - b),
    )
  })
})
