import {type Account, accountOf, type Host, loginTo, Ovpn3Error, shellWord, sleep, type Users} from '@ovpn3/sessions'

import {openChannel, type SshOptions} from './ssh'

/** What a shell on the host gets unquoted. Other names exist nowhere. */
const plainName = /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u
/** Exit statuses of getent: all were found, or some were not. */
const answered: ReadonlySet<null | number> = new Set([0, 2])
const mostOutput = 2 ** 20

/**
 * The users of a host: those who are logged in, others through its NSS. Lookups that come up during one are made together
 * in the next.
 */
export class HostUsers implements Users {
  readonly #host: Host
  readonly #known = new Map<string, Promise<Account | undefined>>()
  #listed: Promise<readonly Account[]> | undefined
  readonly #loggedIn: () => Promise<readonly Account[]>
  readonly #options: SshOptions
  #next: Promise<readonly Account[] | undefined> | undefined
  #pending = new Set<string>()
  #previous: Promise<unknown> = Promise.resolve()

  constructor(host: Host, options: SshOptions, loggedIn: () => Promise<readonly Account[]>) {
    this.#host = host
    this.#loggedIn = loggedIn
    this.#options = options
  }

  async nameOf(uid: number): Promise<string | undefined> {
    return (await this.#find(String(uid)))?.name
  }

  async uidOf(user: string): Promise<number | undefined> {
    // getent takes digits for a uid
    if (/^\d+$/.test(user)) return Number(user) < 2 ** 32 - 1 ? Number(user) : undefined
    return plainName.test(user) ? (await this.#find(user))?.uid : undefined
  }

  #find(key: string): Promise<Account | undefined> {
    let account = this.#known.get(key)
    if (!account) {
      account = this.#findNew(key)
      this.#known.set(key, account)
    }

    return account
  }

  async #findNew(key: string): Promise<Account | undefined> {
    this.#listed ??= this.#loggedIn()
    return accountAmong(await this.#listed, key) ?? this.#lookUp(key)
  }

  async #lookUp(key: string): Promise<Account | undefined> {
    this.#pending.add(key)
    this.#next ??= this.#previous.then(() => {
      const keys = [...this.#pending]
      this.#pending = new Set()
      this.#next = undefined
      const work = this.#getent(keys)
      this.#previous = work
      return work
    })
    const accounts = await this.#next
    if (!accounts)
      throw new Ovpn3Error('failed', `cannot look up user ${key} on ${this.#host.name}`, {
        hint: `Pass the uid, or run \`${loginTo(this.#host)} getent passwd ${shellWord(key)}\` to find out why`,
      })
    return accountAmong(accounts, key)
  }

  /** Undefined if they could not be looked up. */
  async #getent(keys: readonly string[]): Promise<readonly Account[] | undefined> {
    const channel = openChannel(this.#host, ['getent', 'passwd', ...keys], this.#options)
    const over = new AbortController()
    let output = ''
    channel.stream.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < mostOutput) output += text
    })
    channel.stream.end()
    try {
      const limit = sleep(this.#options.connectTimeout * 1000, over.signal)
      const end = await Promise.race([channel.ended, limit.then((): undefined => {})])
      if (!end || !answered.has(end.status)) return undefined
      return output.split('\n').flatMap((line) => accountOf(line) ?? [])
    } finally {
      over.abort()
      void channel.close()
    }
  }
}

/** @param key a name or a uid */
const accountAmong = (accounts: readonly Account[], key: string) =>
  accounts.find(({name, uid}) => name === key || String(uid) === key)
