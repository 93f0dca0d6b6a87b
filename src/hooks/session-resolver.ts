import type {ResolverOptions, SessionResolver} from '@ovpn3/kit'

import {SessionManager} from '../lib/openvpn3'
import {remotes} from '../lib/ssh'

/** The session managers of the hosts; without hosts, that of this machine. */
export const ownSources = ({connectTimeout, hosts, onStall}: ResolverOptions): SessionManager[] =>
  hosts.length === 0
    ? [new SessionManager({onStall})]
    : remotes(hosts, {connectTimeout}).map((remote) => new SessionManager({onStall, remote}))

const resolver: SessionResolver = async (options) => ownSources(options)

export default resolver
