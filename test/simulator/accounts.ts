import {readFileSync} from 'node:fs'

import type {UserName} from '../support/world'

/** A user of this machine. */
export interface Account {
  readonly name: string
  readonly uid: number
}

const preferred: readonly (readonly [UserName, string])[] = [
  ['alice', 'daemon'],
  ['bob', 'bin'],
  ['carol', 'sys'],
]

/**
 * Accounts for the users of a simulator. A bus refuses user IDs without an account, so root can switch only to users
 * that exist: alice, bob and carol if they exist, otherwise three accounts that every system has. If switching users is
 * not possible, alice is the current user and the others are user IDs without an account or name.
 */
export function accounts(canBecome: boolean): Record<UserName, Account> {
  const uid = process.getuid!()
  const known = new Map<string, number>()
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , id] = line.split(':')
    if (name && id) known.set(name, Number(id))
  }

  const own = [...known].find(([, id]) => id === uid)?.[0] ?? String(uid)
  const result: Record<string, Account> = {root: {name: 'root', uid: 0}}
  const taken = new Set<number>([0])
  for (const [index, [user, system]] of preferred.entries()) {
    const fallback = [...known].find(([, id]) => !taken.has(id))?.[0] ?? user
    const name = [user, system].find((each) => known.has(each)) ?? fallback
    const account = canBecome
      ? {name, uid: known.get(name) ?? 6001 + index}
      : index === 0
        ? {name: own, uid}
        : nameless(new Set([uid, ...taken, ...known.values()]))
    taken.add(account.uid)
    result[user] = account
  }

  return result as Record<UserName, Account>
}

function nameless(taken: ReadonlySet<number>): Account {
  let uid = 6001
  while (taken.has(uid)) uid++
  return {name: String(uid), uid}
}
