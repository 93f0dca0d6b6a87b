import type {Endpoint, PropertyName, SessionProperties, SessionStatus} from '@ovpn3/kit/model'

type Decoders = {readonly [K in PropertyName]: (value: unknown) => SessionProperties[K]}

class Unexpected extends Error {}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Unexpected('boolean')
  return value
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new Unexpected('string')
  return value
}

function unsigned(value: unknown): number {
  const n = typeof value === 'bigint' ? Number(value) : value
  if (typeof n !== 'number' || n < 0) throw new Unexpected('unsigned integer')
  return n
}

function list(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw new Unexpected('list')
  return value
}

/** `(uus)`, as the property and as the body of `StatusChange`. */
export function decodeStatus(value: unknown): SessionStatus {
  const [major, minor, message] = list(value, 3)
  return {major: unsigned(major), message: string(message), minor: unsigned(minor)}
}

function endpoint(value: unknown): Endpoint {
  const [protocol, host, port] = list(value, 3)
  return {host: string(host), port: unsigned(port), protocol: string(protocol)}
}

function counters(value: unknown): Record<string, bigint> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unexpected('dictionary')
  return Object.fromEntries(
    Object.entries(value).map(([name, counter]: [string, unknown]) => {
      if (typeof counter !== 'bigint' && typeof counter !== 'number') throw new Unexpected('counter')
      return [name, BigInt(counter)]
    }),
  )
}

const decoders: Decoders = {
  acl: (value) => list(value).map((uid) => unsigned(uid)),
  backend_pid: unsigned,
  config_name: string,
  config_path: string,
  connected_to: endpoint,
  device_name: string,
  log_verbosity: unsigned,
  owner: unsigned,
  public_access: boolean,
  restrict_log_access: boolean,
  session_created: unsigned,
  session_name: string,
  statistics: counters,
  status: decodeStatus,
}

/**
 * The typed value of a property.
 * @throws Error where the service sends something else than it declares
 */
export function decode<K extends PropertyName>(name: K, value: unknown): SessionProperties[K] {
  try {
    return decoders[name](value)
  } catch (error) {
    if (error instanceof Unexpected)
      throw new Error(`the session manager sent something else than a ${error.message} as ${name}`)
    throw error
  }
}
