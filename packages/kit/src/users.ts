import {isOvpn3Error, Ovpn3Error, safeText, type SessionSource, shellWord, type Users} from '@ovpn3/sessions'
import {execFile} from 'node:child_process'
import {userInfo} from 'node:os'
import {promisify} from 'node:util'

const run = promisify(execFile)
/** Milliseconds that a look-up may take: NSS may ask a directory server. */
const limit = 5000
/** getent's exit status for a user that there is not. */
const notFound = 2

const names = new Map<number, Promise<string | undefined>>()

/** The users of this machine, through NSS, so that those of LDAP and SSSD are among them. */
const systemUsers: Users = {nameOf: findUserName, uidOf: findUid}

/** The users of the machine that a session is on. */
const usersOf = ({users}: Pick<SessionSource, 'users'> = {}) => users ?? systemUsers

/** The name of a user; undefined where there is none. */
function findUserName(uid: number): Promise<string | undefined> {
  let name = names.get(uid)
  if (!name) {
    name = nameOf(uid)
    names.set(uid, name)
  }

  return name
}

/** A user as JSON shows one; `name` is null where the uid belongs to no account. */
export interface User {
  readonly uid: number
  readonly name: string | null
}

/** A user of the machine that a session is on. */
export async function userOf(uid: number, source?: Pick<SessionSource, 'users'>): Promise<User> {
  return {uid, name: (await usersOf(source).nameOf(uid)) ?? null}
}

/** A user in words: `bob (uid 6002)`, or `uid 6002` where there is no name. */
export function userText({name, uid}: User): string {
  return name === null ? `uid ${uid}` : `${safeText(name)} (uid ${uid})`
}

/** The name of a user, or the uid where there is none. */
export async function userName(uid: number, source?: Pick<SessionSource, 'users'>): Promise<string> {
  return (await usersOf(source).nameOf(uid)) ?? String(uid)
}

/**
 * The uid of a user, by name or uid, which need not belong to anybody.
 * @throws Ovpn3Error where names cannot be looked up
 */
async function findUid(user: string): Promise<number | undefined> {
  // getent takes digits for a uid, which all systems leave to names of users
  if (/^\d+$/.test(user)) return Number(user) < 2 ** 32 - 1 ? Number(user) : undefined
  // what begins with a space or a sign it takes for a uid too, +0 for root
  if (/^($|[\s+-])/.test(user)) return undefined
  const uid = await field(user, 2)
  return uid === undefined ? undefined : Number(uid)
}

/**
 * The uid of a user whom an option names, on the machines of the sources that know that user.
 * @throws Ovpn3Error `usage` where none does
 */
export async function uidsNamed<T extends Pick<SessionSource, 'users'>>(
  user: string,
  option: string,
  sources: readonly T[],
): Promise<ReadonlyMap<T, number>> {
  const uids = await Promise.all(sources.map((source) => usersOf(source).uidOf(user)))
  const known = sources.flatMap((source, i) => (uids[i] === undefined ? [] : [[source, uids[i]] as const]))
  if (known.length === 0)
    throw new Ovpn3Error('usage', `--${option}: there is no user "${user}"`, {
      hint: 'Give the name of a user of this system, or a uid',
    })
  return new Map(known)
}

/** The same for one machine. @throws Ovpn3Error `usage` */
export async function uidNamed(user: string, option: string, source: Pick<SessionSource, 'users'>): Promise<number> {
  return (await uidsNamed(user, option, [source])).get(source)!
}

async function nameOf(uid: number): Promise<string | undefined> {
  try {
    return (uid === process.getuid?.() && ownName()) || (await field(String(uid), 0))
  } catch (error) {
    // who cannot be looked up is shown as a uid: that is no reason to fail
    if (isOvpn3Error(error)) return undefined
    throw error
  }
}

function ownName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // a Node without NSS knows local users only
    return undefined
  }
}

/** @throws Ovpn3Error */
async function field(key: string, index: number): Promise<string | undefined> {
  try {
    const {stdout} = await run('getent', ['--', 'passwd', key], {timeout: limit})
    return stdout.trimEnd().split(':')[index]
  } catch (error) {
    if ((error as {code?: unknown}).code === notFound) return undefined
    throw new Ovpn3Error('failed', `the user "${key}" could not be looked up`, {
      cause: error,
      hint: `Try again, or give the uid. This may tell more: getent passwd ${shellWord(key)}`,
    })
  }
}
