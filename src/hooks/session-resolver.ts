import type {ResolverOptions, SessionResolver} from '@ovpn3/kit'

import {join} from 'node:path'

import {SessionManager} from '../lib/openvpn3'
import {remotes} from '../lib/ssh'

/**
 * The session managers of the hosts; without hosts, that of this machine.
 * @param root the folder of the CLI's package, without which the user is not asked
 */
export const ownSources = (
  {asker, connectTimeout, hosts, onStall}: ResolverOptions,
  root?: string,
): SessionManager[] => {
  if (hosts.length === 0) return [new SessionManager({onStall})]
  const askpass = asker && root !== undefined ? {asker, program: join(root, 'bin', 'askpass.js')} : undefined
  return remotes(hosts, {askpass, connectTimeout}).map((remote) => new SessionManager({onStall, remote}))
}

const resolver: SessionResolver = async function (options) {
  return ownSources(options, this.config.root)
}

export default resolver
