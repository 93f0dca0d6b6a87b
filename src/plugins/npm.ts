import {Ovpn3Error} from '@ovpn3/sessions'
import {spawn} from 'node:child_process'

/** A name and a password in a URL. */
const urlCredentials = /(?<=:\/\/)[^\s/@]+@/g

/** A text without the names and passwords in its URLs. */
export const withoutCredentials = (text: string): string => text.replaceAll(urlCredentials, '')

export interface NpmOptions {
  /** Aborts npm. */
  readonly signal: AbortSignal
  /** Receives the output of npm; without it, npm is silent. */
  readonly log?: (text: string) => void
  readonly registry?: string
}

/** The options of every run of npm. */
const commonOptions = [
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
]

/**
 * Runs npm and waits until it exits.
 * @param program its path; a `.js` file is run with this Node.js
 * @throws Ovpn3Error with the reason why npm failed
 */
export async function runNpm(
  program: string,
  args: readonly string[],
  cwd: string,
  {log, registry, signal}: NpmOptions,
): Promise<void> {
  const words = [
    ...args,
    ...commonOptions,
    ...(log ? [] : ['--loglevel=error', '--no-progress']),
    ...(registry ? [`--registry=${registry}`] : []),
  ]
  const [command, ...rest] = program.endsWith('.js') ? [process.execPath, program, ...words] : [program, ...words]
  log?.(withoutCredentials(`$ npm ${words.join(' ')}`))
  // HUSKY=0: a plugin's install script must not set up git hooks
  const npm = spawn(command!, rest, {cwd, env: {...process.env, HUSKY: '0'}, signal, stdio: ['ignore', 'pipe', 'pipe']})
  let output = ''
  for (const stream of [npm.stdout, npm.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      log?.(text.trimEnd())
    })
  const status = await new Promise<number | null>((resolve, reject) => {
    npm.on('error', reject)
    npm.on('close', resolve)
  })
  if (status !== 0) throw npmError(output, args.map((arg) => hostIn(arg)).find(Boolean))
}

const unreachable = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_SOCKET_TIMEOUT',
  'ETIMEDOUT',
])

const checkName = 'Check the name. For a package outside the registry, pass a file or a git URL'

/** The host of a package outside the registry: of a URL, or of USER/REPOSITORY on GitHub. */
export function hostIn(spec: string): string | undefined {
  if (/^(?:github:)?\w[\w.-]*\/[\w.-]+(?:#.*)?$/.test(spec)) return 'github.com'
  return /^(?:git\+)?(?:git|https?|ssh):\/\/(?:[^/@]+@)?([^/:]+)/.exec(spec)?.[1] ?? /^\w+@([\w.-]+):/.exec(spec)?.[1]
}

/** The error of a host outside the registry; undefined if something else failed. */
function hostError(host: string, code: string, lines: readonly string[]): Ovpn3Error | undefined {
  const asked = lines.flatMap((line) => /https?:\/\/(?:[^\s/@]+@)?([^\s/:]+)/.exec(line)?.[1] ?? [])[0]
  // the dependencies of the package can be in the registry
  if (asked !== undefined && asked !== host && !asked.endsWith(`.${host}`)) return undefined
  const isGit = code === '128'
  if (unreachable.has(code) || (isGit && /resolve host|refused|timed out|unreachable/i.test(lines.join('\n'))))
    return new Ovpn3Error('registry-unreachable', `${host} cannot be reached`, {hint: 'Check the network connection'})
  return isGit || ['E401', 'E403', 'E404'].includes(code)
    ? new Ovpn3Error('plugin-not-found', `${host} has no such package, or denied access`, {
        hint: 'Check the URL, and your access to it',
      })
    : undefined
}

/**
 * The error for a failed run of npm, from the error code in its output.
 * @param host the host of the package, if that is outside the registry
 */
export function npmError(output: string, host?: string): Ovpn3Error {
  const lines = [...output.matchAll(/^npm (?:error|ERR!) (.*)$/gm)].map(([, line = '']) => line.trim())
  const code = lines.find((line) => line.startsWith('code '))?.slice(5) ?? ''
  const refused = host === undefined ? undefined : hostError(host, code, lines)
  if (refused) return refused
  if (unreachable.has(code))
    return new Ovpn3Error('registry-unreachable', `the npm registry cannot be reached (${code})`, {
      hint: 'Check the network connection. To use another registry, set OVPN3_NPM_REGISTRY',
    })
  switch (code) {
    case 'E404':
      return new Ovpn3Error('plugin-not-found', 'no such package in the npm registry', {hint: checkName})
    case 'ETARGET':
      return new Ovpn3Error('plugin-not-found', 'the package has no such version', {
        hint: 'Omit the version to install the latest one',
      })
    case 'ENOENT':
      return new Ovpn3Error('plugin-not-found', 'no such file or directory', {hint: checkName})
    case 'E401':
    case 'E403':
      return new Ovpn3Error('access-denied', 'the npm registry denied access', {hint: 'Run `npm login`'})
    case 'EACCES':
    case 'EPERM':
      return new Ovpn3Error('access-denied', 'permission denied')
    case 'ENOSPC':
      return new Ovpn3Error('failed', 'no space left on device')
  }

  const reason = lines.find((line) => line !== '' && !/^(code|errno|syscall|path|command) /.test(line))
  return new Ovpn3Error('failed', `npm failed${reason ? `: ${reason}` : ''}`, {
    hint: 'Pass --verbose to see what npm prints',
  })
}

/** The error for a missing npm. */
export function npmMissing(cause?: unknown): Ovpn3Error {
  return new Ovpn3Error('failed', 'npm is not installed', {
    cause,
    hint: 'Run `apt-get install npm`',
  })
}
