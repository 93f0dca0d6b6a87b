import {findUserName, safeText} from '@ovpn3/kit'

/** Who is meant; `name` is null where the uid belongs to no account. */
export interface User {
  readonly uid: number
  readonly name: string | null
}

/** A user as NSS knows it. */
export async function userOf(uid: number): Promise<User> {
  return {uid, name: (await findUserName(uid)) ?? null}
}

/** `bob (uid 6002)`; a user without a name is `(6002) (uid 6002)`, as with the reference tool. */
export function userText({name, uid}: User): string {
  return `${name === null ? `(${uid})` : safeText(name)} (uid ${uid})`
}
