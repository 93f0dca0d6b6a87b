import {execFile} from 'node:child_process'
import path from 'node:path'

import type {UserName, World} from '../support/world'

export interface ReferenceResult {
  readonly status: number
  readonly stderr: string
  readonly stdout: string
}

/** The root folder of the lab's chroot. */
export const rootOf = ({busAddress}: Pick<World, 'busAddress'>): string =>
  busAddress.replace(/^unix:path=/, '').replace(/\/run\/dbus\/system_bus_socket$/, '')

/** The command that runs the reference tool in the lab as one of its users. */
export function referenceCommand(
  lab: Pick<World, 'busAddress' | 'name'>,
  user: UserName,
  args: readonly string[],
): string[] {
  const home = user === 'root' ? '/root' : path.join('/home', user)
  const variables = ['PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', 'TZ=UTC', `HOME=${home}`, 'TERM=dumb']
  const inside = [`--net=/run/netns/ovpn3-${lab.name}-c`, 'chroot', `--userspec=${user}:`, rootOf(lab)]
  return ['nsenter', ...inside, 'env', '-i', ...variables, 'openvpn3', ...args]
}

export function reference(
  lab: Pick<World, 'busAddress' | 'name'>,
  user: UserName,
  args: readonly string[],
  input = '',
): Promise<ReferenceResult> {
  const [program, ...rest] = referenceCommand(lab, user, args)
  return new Promise((resolve, reject) => {
    const child = execFile(program!, rest, {timeout: 30_000}, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({status: Number(error?.code ?? 0), stderr, stdout})
    })
    // The process may exit without reading its input.
    child.stdin?.on('error', () => {}).end(input)
  })
}
