import type {ResolverOptions, SessionResolver} from '@ovpn3/kit'

import {SessionManager} from '../lib/openvpn3'

export const localSource = ({onStall}: Partial<ResolverOptions> = {}) => new SessionManager(onStall)

/** Answers the hook with the session manager of this machine. */
const resolver: SessionResolver = async (options) => localSource(options)

export default resolver
