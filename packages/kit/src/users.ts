import {
  type Account,
  accountOf,
  isOvpn3Error,
  Ovpn3Error,
  safeText,
  type SessionSource,
  shellWord,
  type User,
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

/** The name of a user, looked up once; undefined if the uid has no account. @throws Ovpn3Error if the lookup fails */
function findUserName(uid: number): Promise<string | undefined> {
  let lookup = nameLookups.get(uid)
  if (!lookup) {
    lookup = lookUpName(uid)
    nameLookups.set(uid, lookup)
  }

  return lookup
}

/** A user of the machine on which a session runs. */
export async function userOf(uid: number, source?: Pick<SessionSource, 'users'>): Promise<User> {
  return {uid, name: (await shownName(uid, source)) ?? null}
}

/** A user as text: `bob (uid 6002)`, or `uid 6002` without a name. */
export function userText({name, uid}: User): string {
  return name === null ? `uid ${uid}` : `${safeText(name)} (uid ${uid})`
}

/**
 * The name of a user, or the uid if there is none.
 * @param required whether the name has an effect; otherwise the uid is also shown if it cannot be looked up
 * @throws Ovpn3Error if a required name cannot be looked up
 */
export async function userName(uid: number, source?: Pick<SessionSource, 'users'>, required = false): Promise<string> {
  return (await (required ? usersOf(source).nameOf(uid) : shownName(uid, source))) ?? String(uid)
}

async function shownName(uid: number, source?: Pick<SessionSource, 'users'>): Promise<string | undefined> {
  try {
    return await usersOf(source).nameOf(uid)
  } catch (error) {
    if (isOvpn3Error(error)) return undefined
    throw error
  }
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
 * @param failed receives the error of a source whose users cannot be looked up
 * @throws Ovpn3Error `usage` if no source has that user
 */
export async function uidsNamed<T extends Pick<SessionSource, 'users'>>(
  user: string,
  option: string,
  sources: readonly T[],
  failed: (source: T, error: unknown) => void,
): Promise<ReadonlyMap<T, number>> {
  const uids = new Map<T, number>()
  let areAllAsked = true
  const find = async (source: T) => {
    try {
      const uid = await usersOf(source).uidOf(user)
      if (uid !== undefined) uids.set(source, uid)
    } catch (error) {
      areAllAsked = false
      failed(source, error)
    }
  }

  await Promise.all(sources.map((source) => find(source)))
  if (uids.size === 0 && areAllAsked) throw noSuchUser(user, option)
  return uids
}

/** The uid of the user that an option names, at one source. @throws Ovpn3Error `usage` */
export async function uidNamed(user: string, option: string, source: Pick<SessionSource, 'users'>): Promise<number> {
  const uid = await usersOf(source).uidOf(user)
  if (uid === undefined) throw noSuchUser(user, option)
  return uid
}

const noSuchUser = (user: string, option: string) =>
  new Ovpn3Error('usage', `--${option}: no such user: "${user}"`, {
    hint: 'Pass the name of an existing user, or a uid',
  })

async function lookUpName(uid: number): Promise<string | undefined> {
  return (uid === process.getuid?.() && ownName()) || (await lookUpAccount(String(uid)))?.name
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
