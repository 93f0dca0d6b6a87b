/**
 * Writes man/: a page for the CLI and one for each command, from the manifests, like the help, and from the tables in
 * docs/session-manage.md that apply to every command: exit status, environment, files.
 */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {join} from 'node:path'

import {commands, read, readJson, release, root, version} from './project.mjs'

const require = createRequire(import.meta.url)
const {describe, lastGroups} = require('../build/src/help.js')
const {verbs} = require('../build/src/verbs.js')
const guide = read('docs', 'session-manage.md')
const {date} = release()

/** The commands of openvpn3 to refer to, by command of ovpn3. */
const reference = new Map([
  ...['session-acl', 'session-auth', 'session-manage', 'session-start', 'session-stats', 'sessions-list'].map((id) => [
    id,
    id,
  ]),
  ['session-log', 'log'],
])

/** Escapes text for roff. A minus is escaped too, so that it can be copied. */
function escape(text) {
  const special = {"'": '(aq', '-': '-', '\\': 'e', '^': '(ha', '`': '(ga', '~': '(ti'}
  return text
    .replaceAll(/['\\^`~-]/g, (each) => `\\${special[each]}`)
    .replaceAll(
      /[^\n -~]/gu,
      (each) => String.raw`\[u${each.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replaceAll(/^\./gm, String.raw`\&.`)
}

/** Wraps text at less than 80 characters. A line that begins with a dot is escaped, because it would be a request. */
function wrap(text) {
  const lines = ['']
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const line = lines.at(-1)
    if (line !== '' && line.length + word.length > 77) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }

  return lines.map((line) => line.replace(/^(?=\.)/, String.raw`\&`)).join('\n')
}

const bold = (text) => String.raw`\fB${text}\fR`
const italic = (text) => String.raw`\fI${text}\fR`

/** Prose, with options in bold. */
const prose = (text) =>
  wrap(escape(text).replaceAll(/(?<![\w\\])(\\-(?:\\-)?[a-z](?:\w|\\-(?=\w))*)/gi, (option) => bold(option)))

/** Converts one line of Markdown: links become their text, code becomes bold. */
const markdown = (text) =>
  wrap(
    text
      .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
      .split('`')
      .map((part, index) => (index % 2 === 0 ? escape(part) : bold(escape(part).replaceAll(' ', String.raw`\ `))))
      .join(''),
  )

const quoted = (text) => `"${text.replaceAll('"', String.raw`\(dq`)}"`
const section = (title, ...body) => [`.SH ${quoted(title)}`, ...body]
const item = (label, body) => ['.TP', label, body]
const paragraphs = (texts) => texts.flatMap((text, index) => [...(index > 0 ? ['.PP'] : []), prose(text)])
const sentence = (text) => text[0].toLowerCase() + text.slice(1).replace(/\.$/, '')
const fill = (text, id) =>
  text.replaceAll('<%= config.bin %>', 'ovpn3').replaceAll('<%= command.id %>', id.replaceAll(':', ' '))

/** The rows of the table below a heading of docs/session-manage.md. */
function table(heading) {
  const [, rows] = new RegExp(`^#+ ${heading}\n\n((?:\\|[^\n]*\n)+)`, 'm').exec(guide) ?? []
  if (!rows) throw new Error(`docs/session-manage.md has no table ${heading}`)
  const cells = rows
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  return cells.slice(2).flatMap(([name, meaning]) => item(markdown(name), markdown(meaning)))
}

/** The options of a command by group, in the order of its help. */
function groups({flags}) {
  const byGroup = new Map()
  for (const flag of Object.values(flags)) {
    const {helpGroup = ''} = flag
    byGroup.set(helpGroup, [...(byGroup.get(helpGroup) ?? []), flag])
  }

  const rank = ([name]) => (name === '' ? -2 : lastGroups.indexOf(name))
  return [...byGroup].sort((a, b) => rank(a) - rank(b))
}

function label({aliases = [], char, helpValue, multiple, name, options, type}, optional) {
  const names = [...(char ? [`-${char}`] : []), `--${name}`, ...aliases.map((alias) => `--${alias}`)]
  const shown = names.map((each) => bold(escape(each))).join(', ')
  if (type !== 'option') return shown
  const value = italic(escape(helpValue ?? options?.join('|') ?? name.toUpperCase()))
  return `${shown}${optional ? `[=${value}]` : `=${value}`}${multiple ? String.raw`\|...` : ''}`
}

function options(command) {
  const {args = {}, optionalValues = {}} = command
  const positional = Object.values(args).flatMap(({description, name, options: values}) =>
    item(italic(escape(values?.join('|') ?? name.toUpperCase())), prose(description)),
  )
  return [
    ...positional,
    ...groups(command).flatMap(([group, flags]) => [
      ...(group ? [`.SS ${quoted(escape(group[0] + group.slice(1).toLowerCase()))}`] : []),
      ...flags.flatMap((flag) => item(label(flag, flag.name in optionalValues), prose(flag.summary))),
    ]),
  ]
}

/** Breaks a long command line before an option. */
const continued = (line) => (line.length > 68 ? line.replace(/^(.{1,66}) (?=-)/, '$1 \\\n  ') : line)

function example({command, description}, id) {
  const lines = escape(continued(fill(command, id)))
  return [
    '.PP',
    prose(/\w$/.test(description) ? `${description}:` : description),
    '.PP',
    '.RS 4',
    '.EX',
    lines,
    '.EE',
    '.RE',
  ]
}

/** The exit statuses of a description, as a list. */
const statuses = (rows) => rows.flatMap(([status, meaning]) => item(bold(status), prose(meaning)))
const references = (pages) =>
  pages.map((name, index) => `.BR ${escape(name)} (1)${index < pages.length - 1 ? ' ,' : ''}`)

function page(name, summary, sections, aliases = []) {
  const header = [
    String.raw`.\" Made by the build. Do not edit.`,
    `.TH ${quoted(escape(name.toUpperCase()))} 1 ${date} "ovpn3 ${version}" "User Commands"`,
  ]
  const body = [
    ...header,
    ...section(
      'NAME',
      wrap(`${[name, ...aliases].map((each) => escape(each)).join(', ')} \\- ${escape(sentence(summary))}`),
    ),
    ...sections,
  ]
  writeFileSync(join(root, 'man', `${name}.1`), `${body.join('\n')}\n`)
}

const all = Object.entries(commands()).sort(([a], [b]) => (a < b ? -1 : 1))
/** The commands without the verbs, which are short for some of them. */
const canonical = all.filter(([, {implied}]) => !implied)
/** The command of a name or an alias. */
const commandOf = (name) => all.find(([id, {aliases}]) => id === name || aliases.includes(name))
/** Names and commands in the order of the help: the verbs, the command for all actions, and what is not about sessions. */
const overview = [
  ...verbs.map(({name}) => [name, commandOf(name)[1]]),
  ['session-manage', commandOf('session-manage')[1]],
  ...canonical.filter(([id]) => id !== 'session-manage' && verbs.every(({command}) => command !== id)),
]
/** Commands for SEE ALSO. A verb refers to session-manage, which has more details. */
const related = (id, {implied}) =>
  implied ? ['session-manage'] : overview.map(([name]) => name).filter((name) => commandOf(name)[0] !== id)

const shared = [...section('ENVIRONMENT', ...table('Environment')), ...section('FILES', ...table('Files'))]

/** The name of a command's page. */
const pageOf = (id) => `ovpn3-${id.replaceAll(':', '-')}`
/** Whether an alias gets a page of its own; aliases within a topic do not. */
const isSingleWord = (id) => !id.includes(':')
/** The words of a command. */
const typed = (id) => id.replaceAll(':', ' ')

rmSync(join(root, 'man'), {force: true, recursive: true})
mkdirSync(join(root, 'man'))

/** Writes the page of a command or of its alias. @param id the name or the alias */
function commandPage(id, command, seeAlso, aliases) {
  const {exitStatuses, text} = describe(command.description)
  const usage = fill(command.usage ?? '<%= command.id %> [OPTION...]', id).slice(id.length + 1)
  const sections = [
    ...section('SYNOPSIS', `${bold(escape(`ovpn3 ${typed(id)}`))} ${wrap(escape(usage))}`),
    ...section('DESCRIPTION', ...paragraphs(text.split('\n\n'))),
    ...section('OPTIONS', ...options(command)),
    ...section('EXIT STATUS', ...(exitStatuses.length > 0 ? statuses(exitStatuses) : table('Exit status'))),
    ...shared,
    ...section('EXAMPLES', ...command.examples.flatMap((each) => example(each, id)).slice(1)),
    ...section(
      'SEE ALSO',
      ...references([
        'ovpn3',
        ...seeAlso.map((other) => pageOf(other)),
        ...(reference.has(id) ? [`openvpn3-${reference.get(id)}`] : []),
      ]),
    ),
  ]
  page(pageOf(id), command.summary, sections, aliases)
}

for (const [id, command] of all) {
  const aliases = command.aliases.filter(isSingleWord)
  const others = related(id, command)
  commandPage(
    id,
    command,
    others,
    aliases.map((alias) => pageOf(alias)),
  )
  // the synopsis and the examples of an alias use the alias
  for (const alias of aliases) commandPage(alias, command, [id, ...others], [])
}

const otherNames = (name) => {
  const [id, {aliases}] = commandOf(name)
  const others = [id, ...aliases].filter((other) => other !== name).map((other) => typed(other))
  return others.length > 0 ? [`Also: ${others.join(', ')}.`] : []
}

const [, intro] = read('README.md').split('\n\n')
page('ovpn3', readJson('package.json').description, [
  ...section('SYNOPSIS', `${bold('ovpn3')} ${italic('COMMAND')} [${italic('OPTION')}...]`),
  ...section('DESCRIPTION', markdown(intro)),
  ...section(
    'COMMANDS',
    ...overview.flatMap(([name, {summary}]) =>
      item(`.BR ${escape(pageOf(name))} (1)`, prose([`${summary.replace(/\.$/, '')}.`, ...otherNames(name)].join(' '))),
    ),
  ),
  ...item(bold('ovpn3 help'), prose('Show the help of a command, or list all commands.')),
  ...section(
    'OPTIONS',
    ...item(`${bold(escape('-h'))}, ${bold(escape('--help'))}`, 'Show the help.'),
    ...item(['-v', '-V', '--version'].map((each) => bold(escape(each))).join(', '), prose('Show the version.')),
  ),
  ...section('EXIT STATUS', ...table('Exit status')),
  ...shared,
  ...section('EXAMPLES', ...overview.flatMap(([name, {examples}]) => example(examples[0], name)).slice(1)),
  ...section('SEE ALSO', ...references([...overview.map(([name]) => pageOf(name)), 'openvpn3'])),
])
