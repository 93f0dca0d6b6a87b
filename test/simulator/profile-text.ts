import type {Profile as ProfileName} from '../support/world'
import type {Version} from './properties'

import {type Behaviour, type Input, passphrase, password, pin, user} from './behaviours'
import {importRefused} from './errors'

/** An option of a profile, with its block if it has one. */
export interface Option {
  readonly words: readonly string[]
  readonly block?: string
}

/** The limits of OpenVPN 3's parser, in bytes. Each option and each word adds overhead to the size of the profile. */
const limits = {line: 512, option: 64, profile: 262_144, word: 16}

/**
 * The options of a profile as the configuration manager stores them: without comments and control characters.
 *
 * @throws `ServiceError` if Import refuses the text
 */
export function parse(text: string): Option[] {
  let size = text.length
  const account = (bytes: number) => {
    size += bytes
    if (size > limits.profile) throw importRefused('ERR_INVALID_CONFIG: option_error: profile is too large')
  }

  account(0)
  const options: Option[] = []
  let open: undefined | {content: string; name: string}
  for (const [index, line] of text
    .replaceAll(/[^\n\u0020-\u007E]/g, '')
    .split('\n')
    .entries()) {
    if (line.length > limits.line) {
      throw importRefused(`ERR_INVALID_OPTION_VAL: option_error: line ${index + 1} is too long`)
    }

    if (open) {
      if (line.trim() === `</${open.name}>`) {
        options.push({block: open.content, words: [open.name]})
        open = undefined
      } else open.content += `${line}\n`

      continue
    }

    const words = wordsOf(line)
    if (words.length === 0) continue
    account(limits.option + limits.word * words.length)
    const name = /^<(.+)>$/.exec(words[0]!)?.[1]
    if (name && words.length === 1) open = {content: '', name}
    else options.push({words})
  }

  if (open) {
    throw importRefused(`ERR_INVALID_OPTION_VAL: option_error: option <${open.name}> was not properly closed out`)
  }

  return options
}

function wordsOf(line: string): string[] {
  if (/^\s*[#;]/.test(line)) return []
  const words: string[] = []
  for (const [found, quoted] of line.matchAll(/"((?:[^"\\]|\\.)*)"?|[^\s"]+/g)) {
    if (quoted === undefined && /^[#;]/.test(found)) break
    words.push(quoted === undefined ? found : quoted.replaceAll(/\\(.)/g, '$1'))
  }

  return words
}

const quotedIf = (word: string) =>
  word === '' || /[\s"]/.test(word) ? `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"` : word

/** The text that Fetch returns. */
export const render = (options: readonly Option[]): string =>
  options
    .map(({block, words}) =>
      block === undefined
        ? `${words.map((word) => quotedIf(word)).join(' ')}\n`
        : `<${words[0]}>\n${block}</${words[0]}>\n\n`,
    )
    .join('')

const find = (options: readonly Option[], ...names: string[]) => options.find(({words}) => names.includes(words[0]!))

const isLocked = (options: readonly Option[]) =>
  options.some(({words: [name, value]}) => name === 'setenv' && value === 'GENERIC_CONFIG')

/** Why Validate refuses a profile; undefined if the profile is valid. */
export function problemOf(options: readonly Option[], version: Version): string | undefined {
  if (isLocked(options)) return 'Server locked profiles are unsupported'

  const missing = [
    !find(options, 'ca') && '--ca',
    !find(options, 'client', 'tls-client') && '--client or --tls-client',
    !find(options, 'dev') && '--dev',
    !find(options, 'remote', 'connection') && '--remote',
  ].filter(Boolean)
  if (missing.length === 0) return
  return version === '24.1'
    ? 'Configration profile is missing required options'
    : `Configuration profile is missing required options: ${missing.join(', ')}`
}

/** The address and the ports of the lab's servers. */
const HOST = '10.99.0.1'
const CERTIFICATE = 1194
const PASSWORD = 1195
const WEB = 1196

/** A PEM block; the simulator does not read its content. */
const pem = (tag: string, label: string): string => {
  const content = Buffer.from(`${tag} of the simulator, which opens nothing`).toString('base64')
  return `<${tag}>\n-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n</${tag}>\n`
}

const authority = pem('ca', 'CERTIFICATE')

/** The behaviour of a session with these options, as with the lab's servers. */
export function behaviourOf(options: readonly Option[], overrides: ReadonlyMap<string, unknown>): Behaviour {
  const has = (...names: string[]) => find(options, ...names) !== undefined
  const [, host, port] = find(options, 'remote')?.words ?? []
  const server = overrides.get('server-override') ?? host
  const number = Number(overrides.get('port-override') ?? port)
  const login = find(options, 'auth-user-pass')
  const inputs = inputsOf(options)
  const right: Record<string, string> = {
    [passphrase.name]: 'opensesame',
    ...(number === PASSWORD && {[password.name]: 'secret', [pin.name]: '123456', [user.name]: 'vpnuser'}),
  }
  const level = Number(overrides.get('log-level') ?? find(options, 'verb')?.words[1] ?? 3)
  return {
    answers: inputs.map(({name}) => right[name]),
    crashes: level > 6 && overrides.has('log-level'),
    fails: failureOf(options),
    ignored: !has('cert') || !has('key') || (number !== CERTIFICATE && !login),
    inputs,
    loads: has('client', 'tls-client') && has('remote', 'connection') && !isLocked(options),
    logLevel: Math.min(level, 6),
    persistTun: overrides.get('persist-tun') === true,
    port: server === HOST && [CERTIFICATE, PASSWORD, WEB].includes(number) ? number : undefined,
    web: number === WEB,
  }
}

function inputsOf(options: readonly Option[]): Input[] {
  const login = find(options, 'auth-user-pass')
  const [, question, echo] = find(options, 'static-challenge')?.words ?? []
  const asks = login !== undefined && login.block === undefined
  return [
    ...(asks ? [user, password] : []),
    ...(asks && question !== undefined ? [{...pin, description: question, hidden: echo !== '1'}] : []),
    ...(find(options, 'key')?.block?.includes('ENCRYPTED') ? [passphrase] : []),
  ]
}

/** The simulator has no list of all options, so it treats names with this prefix as unknown. */
const UNKNOWN = /^no-such-/

function failureOf(options: readonly Option[]): Behaviour['fails'] {
  const unknown = options.map(({words: [name = '']}) => name).filter((name) => UNKNOWN.test(name))
  if (unknown.length > 0) {
    const names = unknown.join(',')
    return {at: 'start', message: `UNKNOWN/UNSUPPORTED OPTIONS: ${names}\n {UNUSED_OPTIONS_ERROR}`}
  }

  const block = find(options, 'ca')?.block ?? ''
  if (!block.includes('BEGIN CERTIFICATE')) {
    return {at: 'start', message: 'ssl_context_error: OpenSSLContext: CA not defined'}
  }

  if (!authority.includes(block)) return {at: 'certificate', message: 'Certificate verification failed'}
}

const text = (remote: string, key: string, ...lines: string[]): string =>
  ['client', 'dev tun', `remote ${remote} udp`, 'nobind', 'remote-cert-tls server', ...lines, ''].join('\n') +
  authority +
  pem('cert', 'CERTIFICATE') +
  pem('key', key)

const PIN = 'static-challenge "Enter the PIN" 1'

/** The profiles that every user has, the same as in the lab. */
export const standardTexts: Readonly<Record<ProfileName, string>> = {
  cert: text(`${HOST} ${CERTIFICATE}`, 'PRIVATE KEY'),
  cert2: text(`${HOST} ${CERTIFICATE}`, 'PRIVATE KEY'),
  chal: text(`${HOST} ${PASSWORD}`, 'PRIVATE KEY', 'auth-user-pass', PIN),
  dead: text('10.99.66.1 1194', 'PRIVATE KEY'),
  key: text(`${HOST} ${CERTIFICATE}`, 'ENCRYPTED PRIVATE KEY'),
  pass: text(`${HOST} ${PASSWORD}`, 'PRIVATE KEY', 'auth-user-pass'),
  web: text(`${HOST} ${WEB}`, 'PRIVATE KEY', 'auth-user-pass'),
}
