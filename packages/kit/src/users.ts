import {
  type Account,
  accountOf,
  isOvpn3Error,
  Ovpn3Error,
  safeText,
  type SessionSource,
  shellWord,
  type Users,
} from '@ovpn3/sessions'
import {execFile} from 'node:child_process'
import {userInfo} from 'node:os'
import {promisify} from 'node:util'

const execute = promisify(execFile)
/** Milliseconds to wait for a lookup: NSS may ask a directory server. */
const timeout = 5000
/** Exit status of getent for an unknown user. */
const notFound = 2

const nameLookups = new Map<number, Promise<string | undefined>>()

/** The users of this machine, through NSS, so that LDAP and SSSD are included. */
const systemUsers: Users = {nameOf: findUserName, uidOf: findUid}

/** The users of the machine on which a session runs. */
const usersOf = ({users}: Pick<SessionSource, 'users'> = {}) => users ?? systemUsers

/** The name of a user, looked up once; undefined if the uid has no account. */
function findUserName(uid: number): Promise<string | undefined> {
  let lookup = nameLookups.get(uid)
  if (!lookup) {
    lookup = lookUpName(uid)
    nameLookups.set(uid, lookup)
  }

  return lookup
}

/** A user as in JSON; `name` is null if the uid has no account. */
export interface User {
  readonly uid: number
  readonly name: string | null
}

/** A user of the machine on which a session runs. */
export async function userOf(uid: number, source?: Pick<SessionSource, 'users'>): Promise<User> {
  return {uid, name: (await usersOf(source).nameOf(uid)) ?? null}
}

/** A user as text: `bob (uid 6002)`, or `uid 6002` without a name. */
export function userText({name, uid}: User): string {
  return name === null ? `uid ${uid}` : `${safeText(name)} (uid ${uid})`
}

/** The name of a user, or the uid if there is none. */
export async function userName(uid: number, source?: Pick<SessionSource, 'users'>): Promise<string> {
  return (await usersOf(source).nameOf(uid)) ?? String(uid)
}

/**
 * The uid of a user, by name or uid. A uid needs no account.
 * @throws Ovpn3Error if names cannot be looked up
 */
async function findUid(user: string): Promise<number | undefined> {
  // getent interprets digits as a uid
  if (/^\d+$/.test(user)) return Number(user) < 2 ** 32 - 1 ? Number(user) : undefined
  // getent also accepts a uid with a leading space or sign: +0 is root
  if (/^($|[\s+-])/.test(user)) return undefined
  return (await lookUpAccount(user))?.uid
}

/**
 * The uid of the user that an option names, by source; without the sources that have no such user.
 * @throws Ovpn3Error `usage` if no source has that user
 */
export async function uidsNamed<T extends Pick<SessionSource, 'users'>>(
  user: string,
  option: string,
  sources: readonly T[],
): Promise<ReadonlyMap<T, number>> {
  const uids = await Promise.all(sources.map((source) => usersOf(source).uidOf(user)))
  const known = sources.flatMap((source, i) => (uids[i] === undefined ? [] : [[source, uids[i]] as const]))
  if (known.length === 0)
    throw new Ovpn3Error('usage', `--${option}: no such user: "${user}"`, {
      hint: 'Pass the name of an existing user, or a uid',
    })
  return new Map(known)
}

/** The uid of the user that an option names, at one source. @throws Ovpn3Error `usage` */
export async function uidNamed(user: string, option: string, source: Pick<SessionSource, 'users'>): Promise<number> {
  return (await uidsNamed(user, option, [source])).get(source)!
}

async function lookUpName(uid: number): Promise<string | undefined> {
  try {
    return (uid === process.getuid?.() && ownName()) || (await lookUpAccount(String(uid)))?.name
  } catch (error) {
    // a user whose name cannot be looked up is shown as a uid
    if (isOvpn3Error(error)) return undefined
    throw error
  }
}

function ownName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // a build of Node.js without NSS only finds local users
    return undefined
  }
}

/** The account of a user, by name or uid; undefined if there is none. @throws Ovpn3Error if the lookup fails */
async function lookUpAccount(key: string): Promise<Account | undefined> {
  try {
    const {stdout} = await execute('getent', ['--', 'passwd', key], {timeout})
    return accountOf(stdout.trimEnd())
  } catch (error) {
    if ((error as {code?: unknown}).code === notFound) return undefined
    throw new Ovpn3Error('failed', `cannot look up user ${key}`, {
      cause: error,
      hint: `Pass the uid, or run \`getent passwd ${shellWord(key)}\` to find out why`,
    })
  }
}
