import {type User, userOf} from '@ovpn3/kit'
import {
  count,
  type ErrorJson,
  safeText,
  type SessionIdentity,
  type SessionProperties,
  type SessionSource,
} from '@ovpn3/sessions'

import type {ChangeResult} from './change'

/** The properties of an access list, except the owner, which never changes. */
export const aclProperties = ['public_access', 'restrict_log_access', 'acl'] as const

/** Who has access to a session. Null means that it could not be read. */
export interface AccessList {
  readonly owner: User | null
  readonly publicAccess: boolean | null
  /** Whether users with granted access can read the log. */
  readonly logAccess: boolean | null
  readonly users: readonly User[] | null
}

/** The changes that session-acl made, and the resulting access. A stable interface, described in `docs/schemas`. */
export interface AclReport extends AccessList, SessionIdentity {
  readonly config: string | null
  readonly changes: readonly ChangeResult[]
  readonly dryRun: boolean
  /** Why it stopped before the last change. */
  readonly error?: ErrorJson
}

export async function accessListOf(
  values: Readonly<Partial<SessionProperties>>,
  source: SessionSource,
): Promise<AccessList> {
  const {acl, owner, public_access, restrict_log_access} = values
  const [ownerUser, ...users] = await Promise.all([
    owner === undefined ? null : userOf(owner, source),
    ...(acl ?? []).map((uid) => userOf(uid, source)),
  ])
  return {
    owner: ownerUser ?? null,
    publicAccess: public_access ?? null,
    logAccess: restrict_log_access === undefined ? null : !restrict_log_access,
    users: acl ? (users as User[]) : null,
  }
}

/** Whether all properties could be read. */
export function isComplete({logAccess, owner, publicAccess, users}: AccessList): boolean {
  return [logAccess, owner, publicAccess, users].every((each) => each !== null)
}

/**
 * An access list as the reference tool prints it: with public access, it lists no users.
 * @param complete list them always
 */
export function accessListText({logAccess, owner, publicAccess, users}: AccessList, complete: boolean): string {
  const listsUsers = complete || !publicAccess
  const lines: [label: string, value: string][] = [
    ['Owner', owner ? entry(owner) : '(unknown)'],
    ['Public access', publicAccess ? 'yes' : 'no'],
    ['Users granted log access', logAccess ? 'yes' : 'no'],
  ]
  if (listsUsers) lines.push(['Users granted access', count(users?.length ?? 0, 'user')])
  return [
    ...lines.map(([label, value]) => `${label.padStart(labelWidth)}: ${value}`),
    ...(listsUsers ? (users ?? []) : []).map((user) => `${' '.repeat(labelWidth + 2)}- ${entry(user)}`),
  ].join('\n')
}

const labelWidth = 25

function entry({name, uid}: User): string {
  return `(${uid})  ${name === null ? '(unknown)' : safeText(name)}`
}
