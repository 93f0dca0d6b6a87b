import {
  type Endpoint,
  type InputRequest,
  type LogLine,
  Ovpn3Error,
  type PropertyName,
  type SessionProperties,
  type SessionStatus,
} from '@ovpn3/sessions'

import {unwrap} from '../bus'

/** A value of another type than declared. Its message is the declared type. */
class TypeMismatch extends Error {}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeMismatch('boolean')
  return value
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new TypeMismatch('string')
  return value
}

function unsigned(value: unknown): number {
  const n = typeof value === 'bigint' ? Number(value) : value
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 0) throw new TypeMismatch('unsigned integer')
  return n
}

/** Seconds since 1970, until the year 9999: ISO 8601 has no more digits. */
function time(value: unknown): number {
  const seconds = unsigned(value)
  if (seconds > 253_402_300_799) throw new TypeMismatch('time')
  return seconds
}

function path(value: unknown): string {
  if (typeof value !== 'string' || !/^\/(\w+(\/\w+)*)?$/.test(value)) throw new TypeMismatch('path')
  return value
}

function tuple(value: unknown, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw new TypeMismatch('list')
  return value
}

function listOf<T>(item: (value: unknown) => T): (value: unknown) => T[] {
  return (value) => {
    if (!Array.isArray(value)) throw new TypeMismatch('list')
    return value.map((each) => item(each))
  }
}

/** `(uus)`: the property, and the body of `StatusChange`. */
function status(value: unknown): SessionStatus {
  const [major, minor, message] = tuple(value, 3)
  return {major: unsigned(major), message: string(message), minor: unsigned(minor)}
}

/** `(uus)`, the body of `Log`. */
function logLine(value: unknown): LogLine {
  const [group, category, message] = tuple(value, 3)
  return {category: unsigned(category), group: unsigned(group), message: string(message)}
}

function endpoint(value: unknown): Endpoint {
  const [protocol, host, port] = tuple(value, 3)
  return {host: string(host), port: unsigned(port), protocol: string(protocol)}
}

function counters(value: unknown): Record<string, bigint> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeMismatch('dictionary')
  return Object.fromEntries(
    Object.entries(value).map(([name, counter]: [string, unknown]) => {
      if (typeof counter !== 'bigint' && !Number.isInteger(counter)) throw new TypeMismatch('counter')
      return [name, BigInt(counter as bigint | number)]
    }),
  )
}

/** The overrides of a profile by name. */
function overrides(value: unknown): Record<string, boolean | string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeMismatch('dictionary')
  return Object.fromEntries(
    Object.entries(value).map(([name, variant]: [string, unknown]) => {
      const override = unwrap(variant)
      return [name, typeof override === 'string' ? override : boolean(override)]
    }),
  )
}

function request(value: unknown): InputRequest {
  const [type, group, id, name, description, hidden] = tuple(value, 6)
  return {
    type: unsigned(type),
    group: unsigned(group),
    id: unsigned(id),
    name: string(name),
    description: string(description),
    hidden: boolean(hidden),
  }
}

function unsignedPair(value: unknown): [number, number] {
  return tuple(value, 2).map((each) => unsigned(each)) as [number, number]
}

const properties = {
  acl: listOf(unsigned),
  backend_pid: unsigned,
  config_name: string,
  config_path: (value) => (value === '' ? '' : path(value)),
  connected_to: endpoint,
  device_name: string,
  log_verbosity: unsigned,
  owner: unsigned,
  public_access: boolean,
  restrict_log_access: boolean,
  session_created: time,
  session_name: string,
  statistics: counters,
  status,
} satisfies {readonly [K in PropertyName]: (value: unknown) => SessionProperties[K]}

const decoders = {
  ...properties,
  Fetch: string,
  FetchAvailableConfigs: listOf(path),
  FetchAvailableSessions: listOf(path),
  Import: path,
  Log: logLine,
  LookupConfigName: listOf(path),
  NewTunnel: path,
  UserInputQueueCheck: listOf(unsigned),
  UserInputQueueFetch: request,
  UserInputQueueGetTypeGroup: listOf(unsignedPair),
  dco: boolean,
  last_used_timestamp: time,
  overrides,
}
type Decoders = typeof decoders

/**
 * The typed value of a property, a signal or a method's answer.
 * @throws Ovpn3Error if the value does not have its declared type
 */
export function decode<N extends keyof Decoders>(name: N, value: unknown): ReturnType<Decoders[N]> {
  try {
    return decoders[name](value) as ReturnType<Decoders[N]>
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error
    throw new Ovpn3Error('failed', `invalid ${name} from the service: expected type ${error.message}`)
  }
}
