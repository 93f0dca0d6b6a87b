import type {UserName} from '../support/world'

import {retryUntilReady, type Stage, type Typed} from './service-stage'

export const CONFIGURATION = 'net.openvpn.v3.configuration'
export const PROFILES = '/net/openvpn/v3/configuration'
const PROPERTIES = 'org.freedesktop.DBus.Properties'

/** Arguments of an import that differ from the defaults. */
export interface ImportOptions {
  readonly name?: string
  readonly persistent?: boolean
  readonly singleUse?: boolean
  readonly user?: UserName
}

/** The profiles of a test and calls to them. */
export class ProfileStage {
  readonly #imported: [UserName, string][] = []

  constructor(private readonly stage: Stage) {}

  /** Imports a profile, by default one that connects without input, and returns its path. */
  async add(text = this.stage.world.profileText('cert'), options: ImportOptions = {}): Promise<string> {
    const {name = 'new', persistent = false, singleUse = false, user = 'alice'} = options
    const body = [name, text, singleUse, persistent]
    const [path] = await retryUntilReady(() => this.call(user, PROFILES, 'Import', 'ssbb', ...body))
    this.#imported.push([user, String(path)])
    return String(path)
  }

  call(user: UserName, path: string, member: string, signature = '', ...body: unknown[]): Promise<readonly unknown[]> {
    return this.stage.as(user).send(CONFIGURATION, path, CONFIGURATION, member, signature, body)
  }

  async get(user: UserName, path: string, property: string): Promise<unknown> {
    const [variant] = await this.#property(user, path, 'Get', 'ss', property)
    return (variant as Typed).value
  }

  async getAll(user: UserName, path: string): Promise<Record<string, Typed>> {
    const [all] = await this.#property(user, path, 'GetAll', 's')
    return all as Record<string, Typed>
  }

  async set(user: UserName, path: string, property: string, signature: string, value: unknown): Promise<void> {
    await this.#property(user, path, 'Set', 'ssv', property, {signature, value})
  }

  async override(path: string, key: string, signature: string, value: unknown): Promise<void> {
    await this.call('alice', path, 'SetOverride', 'sv', key, {signature, value})
  }

  /** Removes all profiles that it imported. */
  async clear(): Promise<void> {
    await this.stage.reset()
    // a test may have removed its profile, or used up a single-use one
    for (const [user, path] of this.#imported.splice(0)) await this.call(user, path, 'Remove').catch(() => {})
  }

  #property(user: UserName, path: string, member: string, signature: string, ...body: unknown[]) {
    return this.stage.as(user).send(CONFIGURATION, path, PROPERTIES, member, signature, [CONFIGURATION, ...body])
  }
}

/** The text of a profile without these options and blocks. */
export const without = (text: string, ...options: string[]): string =>
  options.reduce(
    (rest, option) => rest.replace(new RegExp(`^<${option}>[^]*</${option}>\n|^${option}( .*)?\n`, 'm'), ''),
    text,
  )
