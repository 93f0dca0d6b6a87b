import type {Account} from '@ovpn3/sessions'

import {type Bus, BusError} from '../bus'

/** Milliseconds: names have another source too. */
const timeout = 2000

/** The users who are logged in to the machine of a bus, from systemd-logind; none if it does not answer. */
export async function loggedInUsers(bus: Bus): Promise<readonly Account[]> {
  try {
    const [users] = await bus.call({
      destination: 'org.freedesktop.login1',
      interface: 'org.freedesktop.login1.Manager',
      member: 'ListUsers',
      path: '/org/freedesktop/login1',
      timeout,
    })
    return Array.isArray(users) ? users.flatMap((user) => accountIn(user) ?? []) : []
  } catch (error) {
    if (error instanceof BusError) return []
    throw error
  }
}

/** Reads a user of ListUsers: uid, name, object path. */
function accountIn(user: unknown): Account | undefined {
  const [uid, name] = Array.isArray(user) ? (user as unknown[]) : []
  return typeof uid === 'number' && typeof name === 'string' && name !== '' ? {fullName: '', name, uid} : undefined
}
