import {hostOf} from '@ovpn3/sessions'

import type {Remote} from '../openvpn3'

import {Slots} from './slots'
import {openChannel, type SshOptions} from './ssh'
import {HostUsers} from './users'

/** How many hosts are connected to at a time: each takes a process and, there, a login. */
const atATime = 32

/** Hosts whose system bus is reached over ssh. Nothing is installed there: `systemd-stdio-bridge` is part of systemd. */
export function remotes(hosts: readonly string[], options: SshOptions): Remote[] {
  const slots = new Slots(atATime)
  return hosts.map((name) => {
    const host = hostOf(name)
    return {
      channel: () => openChannel(host, ['systemd-stdio-bridge'], options),
      connectTimeout: options.connectTimeout,
      host: name,
      turn: (work) => slots.run(work),
      users: new HostUsers(host, options),
    }
  })
}
