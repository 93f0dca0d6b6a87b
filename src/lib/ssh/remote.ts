import {hostOf} from '@ovpn3/sessions'

import type {Remote} from '../openvpn3'

import {type Asker, Askpass} from './askpass'
import {Slots} from './slots'
import {openChannel} from './ssh'
import {HostUsers} from './users'

interface RemoteOptions {
  /** Asks the user for ssh, by the program bin/askpass.js; left out: the user cannot be asked. */
  readonly askpass?: {readonly asker: Asker; readonly program: string}
  /** Seconds within which a host must answer. */
  readonly connectTimeout: number
}

/** How many hosts are connected to at a time: each takes a process and, there, a login. */
const atATime = 32

/** Hosts whose system bus is reached over ssh. Nothing is installed there: `systemd-stdio-bridge` is part of systemd. */
export function remotes(hosts: readonly string[], {askpass, connectTimeout}: RemoteOptions): Remote[] {
  const slots = new Slots(atATime)
  return hosts.map((name) => {
    const host = hostOf(name)
    return {
      async channel() {
        const asking = askpass && (await Askpass.listen(askpass.asker, askpass.program))
        const channel = openChannel(host, ['systemd-stdio-bridge'], {
          connectTimeout,
          environment: asking?.environment,
        })
        void channel.ended.then(() => asking?.close())
        return {...channel, asked: asking?.asked}
      },
      connectTimeout,
      host: name,
      turn: (work) => slots.run(work),
      // never asks the user, who has already answered for the bridge
      users: (loggedIn) => new HostUsers(host, {connectTimeout}, loggedIn),
    }
  })
}
