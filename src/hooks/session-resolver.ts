import type {ResolverOptions, SessionResolver} from '@ovpn3/kit'

import {SessionManager} from '../lib/openvpn3'

/** The session manager of this machine. */
export const localSource = ({onStall}: Partial<ResolverOptions> = {}) => new SessionManager(onStall)

const resolver: SessionResolver = async (options) => localSource(options)

export default resolver
