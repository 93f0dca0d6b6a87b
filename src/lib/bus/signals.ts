import type {Head} from './wire'

import {BusError} from './errors'

/** The signal of the bus for a change of a name's owner. */
export const ownerChange = {
  interface: 'org.freedesktop.DBus',
  member: 'NameOwnerChanged',
  path: '/org/freedesktop/DBus',
  sender: 'org.freedesktop.DBus',
}

/** Selects signals. Omitted fields match anything. */
export interface Match {
  /** A well-known name. Signals of others than its current owner are ignored: any user can send them. */
  readonly sender: string
  readonly path?: string
  readonly interface: string
  readonly member?: string
  readonly arg0?: string
  /** The sender addresses this connection directly, so no match rule is needed. */
  readonly unicast?: boolean
}

export interface Signal {
  readonly interface: string
  readonly sender: string
  readonly path: string
  readonly member: string
  readonly body: readonly unknown[]
}

interface Subscription extends Match {
  readonly listener: (signal: Signal) => void
}

/** The subscriptions of a connection: listeners, match rules, and the owners of the senders' names. */
export class Signals {
  /** Calls a method of the bus itself. */
  readonly #callBus: (member: string, argument: string) => Promise<unknown[]>
  /** The number of subscriptions that need each match rule. */
  readonly #rules = new Map<string, number>()
  /** By name; undefined until the owner is known. The bus is its own owner. */
  readonly #owners = new Map<string, string | undefined>([[ownerChange.sender, ownerChange.sender]])
  /** By path; subscriptions to any path have the key ''. */
  readonly #subscriptions = new Map<string, Set<Subscription>>()

  constructor(callBus: (member: string, argument: string) => Promise<unknown[]>) {
    this.#callBus = callBus
  }

  /** Listens until the returned function is called. @throws BusError */
  async subscribe(match: Match, listener: Subscription['listener']): Promise<() => Promise<void>> {
    const subscription = {...match, listener}
    const rule = match.unicast ? undefined : ruleOf(match)
    await Promise.all([this.#trackOwner(match.sender), rule && this.#addRule(rule)])
    const key = match.path ?? ''
    const group = this.#subscriptions.get(key) ?? new Set()
    this.#subscriptions.set(key, group.add(subscription))

    return async () => {
      if (!group.delete(subscription)) return
      if (group.size === 0 && this.#subscriptions.get(key) === group) this.#subscriptions.delete(key)
      if (rule) await this.#removeRule(rule)
    }
  }

  /** Whether the header of a signal matches a subscription. */
  isWanted(head: Head): boolean {
    return this.#matching(head).length > 0
  }

  deliver(signal: Signal): void {
    const [first] = signal.body
    for (const {arg0 = first, listener} of this.#matching(signal)) if (arg0 === first) listener(signal)
  }

  #matching({interface: on, member, path, sender}: Partial<Signal>): Subscription[] {
    if (sender === undefined) return []
    return [path ?? '', '']
      .flatMap((key) => [...(this.#subscriptions.get(key) ?? [])])
      .filter(
        (each) =>
          this.#owners.get(each.sender) === sender && each.interface === on && (each.member ?? member) === member,
      )
  }

  async #trackOwner(name: string): Promise<void> {
    if (this.#owners.has(name)) return
    this.#owners.set(name, undefined)
    await this.subscribe({...ownerChange, arg0: name}, ({body}) => this.#owners.set(name, String(body[2])))
    try {
      const [owner] = await this.#callBus('GetNameOwner', name)
      // a NameOwnerChanged that arrived together with this answer is newer
      this.#owners.set(name, this.#owners.get(name) ?? String(owner))
    } catch (error) {
      // no owner yet: NameOwnerChanged will name it
      if (!(error instanceof BusError && error.kind === 'no-owner')) throw error
    }
  }

  async #addRule(rule: string): Promise<void> {
    const uses = this.#rules.get(rule) ?? 0
    this.#rules.set(rule, uses + 1)
    if (uses === 0) await this.#callBus('AddMatch', rule)
  }

  async #removeRule(rule: string): Promise<void> {
    const uses = this.#rules.get(rule)! - 1
    if (uses > 0) {
      this.#rules.set(rule, uses)
      return
    }

    this.#rules.delete(rule)
    await this.#callBus('RemoveMatch', rule)
  }
}

function ruleOf({arg0, interface: on, member, path, sender}: Match): string {
  const parts = Object.entries({type: 'signal', sender, interface: on, path, member, arg0})
  return parts.flatMap(([key, value]) => (value ? `${key}='${value}'` : [])).join(',')
}
