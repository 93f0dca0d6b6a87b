import {Ovpn3Error} from './errors'

/** A machine to reach over ssh: `[user@]host[:port]`. */
export interface Host {
  /** As it was typed; it names the host in output and selects it with --host. */
  readonly name: string
  /** `user@host` or `host`: the destination for ssh. */
  readonly destination: string
  /** Left out: as ssh is configured. */
  readonly port?: string
}

/** A user's ssh configuration may pass both to a shell, so neither can contain a character that a shell interprets. */
const userName = /^[\p{L}\p{N}_][\p{L}\p{N}_.+@-]*$/u
const hostName = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u
const ipv6 = /^[\da-f:.]+(?:%[\w.-]+)?$/i

/** Parses a host. @throws Ovpn3Error `usage` */
export function hostOf(text: string): Host {
  const at = text.lastIndexOf('@')
  const user = at === -1 ? undefined : text.slice(0, at)
  const [, bracketed, bare = '', port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text.slice(at + 1)) ?? []
  const isHost = bracketed === undefined ? hostName.test(bare) : ipv6.test(bracketed)
  const isPort = port === undefined || (Number(port) > 0 && Number(port) < 2 ** 16)
  if (!isHost || !isPort || (user !== undefined && !userName.test(user)))
    throw new Ovpn3Error('usage', `--host: invalid host: "${text}"`, {
      hint: 'Pass [USER@]HOST[:PORT], such as admin@gw1 or [2001:db8::1]:2222',
    })
  const host = bracketed ?? bare
  return {destination: user === undefined ? host : `${user}@${host}`, name: text, port}
}

/** The host in front of a name: `gw1:`; empty on this machine. */
export const hostPrefix = (host: string | undefined): string => (host === undefined ? '' : `${host}:`)

/** Applies work to the items of each host by themselves, in the order in which the hosts first occur. */
export function perHost<T>(
  items: readonly T[],
  hostFor: (item: T) => string | undefined,
  work: (items: readonly T[]) => readonly T[],
): T[] {
  const hosts = [...new Set(items.map((item) => hostFor(item)))]
  return hosts.flatMap((host) => work(items.filter((item) => hostFor(item) === host)))
}

/** The command line that logs in to a host. */
export function loginTo({destination, port}: Host): string {
  return port === undefined ? `ssh ${destination}` : `ssh -p ${port} ${destination}`
}

/**
 * A hint about a session or a service on a host, as what to run here: a command of ovpn3 gets --host, any other one
 * runs over ssh. Unchanged without a host, or if it names a host already.
 * @param on the host, or several of which the hint may apply to any
 */
export function hintOn(on: readonly string[] | string | undefined, hint: string | undefined): string | undefined {
  const [first, ...others] = on === undefined ? [] : [on].flat()
  if (first === undefined || hint === undefined) return hint
  const flags = [first, ...others].map((host) => ` --host ${host}`).join('')
  const login = others.length > 0 ? 'ssh HOST' : loginTo(hostOf(first))
  // a command follows `run`, or another one of ovpn3
  return hint.replaceAll(/(\b[Rr]un )?`([^`]+)`/g, (whole, run: string | undefined, command: string) => {
    const [, name, rest = ''] = /^ovpn3 (\S+)(.*)$/.exec(command) ?? []
    if (/^ssh | --host /.test(command)) return whole
    if (name !== undefined) return `${run ?? ''}\`ovpn3 ${name}${flags}${rest}\``
    return run === undefined ? whole : `${run}\`${login} ${command}\``
  })
}

/** An error about a session or a service on a host, or on one of several: its hint applies there. */
export function errorOn(on: readonly string[] | string | undefined, error: Ovpn3Error): Ovpn3Error {
  const hint = hintOn(on, error.hint)
  if (hint === error.hint) return error
  const {candidates, code, message, profiles} = error
  return new Ovpn3Error(code, message, {candidates, cause: error, hint, profiles})
}
