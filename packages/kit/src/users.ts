import {execFile} from 'node:child_process'
import {userInfo} from 'node:os'

import {safeText} from './model'

/** Milliseconds that a look-up may take: NSS may ask a directory server. */
const limit = 5000

const names = new Map<number, Promise<string | undefined>>()

/** The name of a user, through NSS, so that LDAP and SSSD users have theirs; undefined where there is none. */
export function findUserName(uid: number): Promise<string | undefined> {
  let name = names.get(uid)
  if (!name) {
    name = Promise.resolve((uid === process.getuid?.() && ownName()) || field(String(uid), 0))
    names.set(uid, name)
  }

  return name
}

/** A user as JSON shows one; `name` is null where the uid belongs to no account. */
export interface User {
  readonly uid: number
  readonly name: string | null
}

/** A user as NSS knows it. */
export async function userOf(uid: number): Promise<User> {
  return {uid, name: (await findUserName(uid)) ?? null}
}

/** A user in words: `bob (uid 6002)`, or `uid 6002` where there is no name. */
export function userText({name, uid}: User): string {
  return name === null ? `uid ${uid}` : `${safeText(name)} (uid ${uid})`
}

/** The name of a user, or the uid where there is none. */
export async function userName(uid: number): Promise<string> {
  return (await findUserName(uid)) ?? String(uid)
}

/** The uid of a user, by name or uid, through NSS. A uid need not belong to anybody. Undefined: there is no such user. */
export async function findUid(user: string): Promise<number | undefined> {
  // getent takes digits for a uid, which all systems leave to names of users
  if (/^\d+$/.test(user)) return Number(user) < 2 ** 32 - 1 ? Number(user) : undefined
  // what begins with a space or a sign it takes for a uid too, +0 for root
  if (/^($|[\s+-])/.test(user)) return undefined
  const uid = await field(user, 2)
  return uid === undefined ? undefined : Number(uid)
}

function ownName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // a Node without NSS knows local users only
    return undefined
  }
}

function field(key: string, index: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('getent', ['--', 'passwd', key], {timeout: limit}, (error, stdout) => {
      resolve(error ? undefined : stdout.trimEnd().split(':')[index])
    })
  })
}
