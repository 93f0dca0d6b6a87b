import type {Account} from './accounts'
import type {Interface} from './interface'

import {LOGIN, rootPath} from './names'
import {type Reply, Server, type Target} from './server'

const managerInterface: Interface = {
  methods: {ListUsers: {in: '', out: 'a(uso)', outNames: 'users'}},
  name: `${LOGIN}.Manager`,
  properties: {},
}

/** systemd-logind, which knows the users who are logged in. */
export class Logind extends Server {
  constructor(
    address: string,
    private readonly users: readonly Account[],
  ) {
    super(LOGIN, address)
  }

  protected target(path: string): Target | undefined {
    return path === rootPath(LOGIN) ? {iface: managerInterface} : undefined
  }

  protected children(): string[] {
    return []
  }

  protected serve(): Reply {
    return ['a(uso)', this.users.map(({name, uid}) => [uid, name, `${rootPath(LOGIN)}/user/_${uid}`])]
  }
}
