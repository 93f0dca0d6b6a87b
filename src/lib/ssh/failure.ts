import {type Host, loginTo, safeText} from '@ovpn3/sessions'

/** The reason why a host cannot be used, with the next step. */
export class HostError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    /** The exit status of ssh, which is that of the command on the host, or 255; null if it has none. */
    readonly status: null | number = null,
  ) {
    super(message)
    this.name = 'HostError'
  }
}

interface Rule {
  /** In what ssh, or the shell of the host, prints on standard error: ssh has only its exit status 255 besides. */
  readonly says: RegExp
  readonly message: (found: RegExpExecArray) => string
  readonly hint: (login: string) => string
}

const checkBus = (login: string) => `Run \`${login} systemctl status dbus\``

/** OpenSSH 8 to 10, in its order: the first that applies is the cause of those behind it. */
const rules: readonly Rule[] = [
  {
    says: /Could not resolve hostname [^:]*: *(.*)/,
    message: () => 'unknown host',
    hint: () => 'Check the name, or define the host in ~/.ssh/config',
  },
  {
    says: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    message: () => 'its host key has changed',
    hint: () => 'Find out why before you connect: another machine may be answering in its place',
  },
  {
    says: /Host key verification failed|No \S+ host key is known for/,
    message: () => 'its host key is not known',
    hint: (login) => `Run \`${login}\` and check the key`,
  },
  {
    says: /Permission denied \(([\w,-]*)\)/,
    message: ([, methods]) => `permission denied (${methods})`,
    hint: (login) => `Run \`${login}\` to find out why; a key with a passphrase needs \`ssh-add\``,
  },
  {says: /Connection refused/, message: () => 'connection refused', hint: () => 'Check that sshd runs there'},
  {
    says: /Connection timed out|Operation timed out|banner exchange|Timeout, server .* not responding/,
    message: () => 'no answer',
    hint: () => 'Check that the host is up, or pass a longer --connect-timeout',
  },
  {
    says: /closed by remote host|Connection (?:closed|reset) by|send disconnect: Broken pipe/,
    message: () => 'connection closed by the host',
    hint: (login) => `Run \`${login}\` to find out why`,
  },
  {
    says: /No route to host|Network is unreachable/,
    message: ([text]) => text.toLowerCase(),
    hint: () => 'Check the network',
  },
  {
    says: /Failed to connect to bus: *(.*)|Failed to set up bus connection|Failed to start bus client: *(.*)/i,
    message: () => 'no system bus there',
    hint: checkBus,
  },
]

/** The exit status of ssh for its own failures. Others are those of the command on the host. */
const ownStatus = 255
/** The exit status of every shell for a command that it cannot find; the text depends on the shell and its language. */
const notFound = 127

/** The error for an ssh that has ended. @param stderr the end of what it printed @param status null if a signal ended it */
export function hostError(host: Host, stderr: string, status: null | number): HostError {
  const login = loginTo(host)
  for (const {hint, message, says} of rules) {
    const found = says.exec(stderr)
    if (found) return new HostError(message(found), hint(login), status)
  }

  if (status === notFound)
    return new HostError(
      'systemd-stdio-bridge is not installed there',
      'Install the package `systemd` on the host',
      status,
    )

  // the last line says what failed; those before it are greetings and warnings
  const last = stderr
    .split('\n')
    .map((line) => safeText(line))
    .reduce((found, line) => line || found, '')
  if (status === null || status === ownStatus) {
    const text = last.replace(/^ssh: /, '') || (status === null ? 'ssh was killed' : `ssh ended with status ${status}`)
    return new HostError(text, `Run \`${login}\``, status)
  }

  if (status === 0 && !last)
    return new HostError(
      'systemd-stdio-bridge ended without an answer',
      `Run \`${login} systemd-stdio-bridge\`, and check that the key allows it`,
      status,
    )

  // it may log to the journal of the host instead
  const text = `systemd-stdio-bridge ended with status ${status}${last && `: ${last}`}`
  return new HostError(text, checkBus(login), status)
}
