import type {Message, Variant} from 'dbus-next'

import {failed, invalidArgs, type ServiceError, unknownMethod} from './errors'
import {INTROSPECTABLE, PEER, PROPERTIES} from './names'

/** An interface as introspection describes it: signatures in and out, with the names of the arguments. */
export interface Interface {
  readonly name: string
  readonly methods: Readonly<Record<string, {in: string; inNames?: string; out?: string; outNames?: string}>>
  readonly properties: Readonly<Record<string, {type: string; writable?: boolean}>>
  readonly signals?: Readonly<Record<string, {names: string; type: string}>>
}

const code = {names: 'code_major code_minor message', type: 'uus'}
const logSignal = {names: 'group level message', type: 'uus'}

export const managerInterface: Interface = {
  methods: {
    NewTunnel: {in: 'o', inNames: 'config_path', out: 'o', outNames: 'session_path'},
    FetchAvailableSessions: {in: '', out: 'ao', outNames: 'paths'},
    FetchManagedInterfaces: {in: '', out: 'as', outNames: 'devices'},
    LookupConfigName: {in: 's', inNames: 'config_name', out: 'ao', outNames: 'session_paths'},
    LookupInterface: {in: 's', inNames: 'device_name', out: 'o', outNames: 'session_path'},
  },
  name: 'net.openvpn.v3.sessions',
  properties: {version: {type: 's'}},
  signals: {Log: logSignal, SessionManagerEvent: {names: 'path type owner', type: 'oqu'}},
}

export const sessionInterface: Interface = {
  methods: {
    Ready: {in: ''},
    Connect: {in: ''},
    Restart: {in: ''},
    Pause: {in: 's', inNames: 'reason'},
    Resume: {in: ''},
    Disconnect: {in: ''},
    AccessGrant: {in: 'u', inNames: 'uid'},
    AccessRevoke: {in: 'u', inNames: 'uid'},
    LogForward: {in: 'b', inNames: 'enable'},
    UserInputQueueGetTypeGroup: {in: '', out: 'a(uu)', outNames: 'type_group_list'},
    UserInputQueueFetch: {
      in: 'uuu',
      inNames: 'type group id',
      out: 'uuussb',
      outNames: 'type group id name description hidden_input',
    },
    UserInputQueueCheck: {in: 'uu', inNames: 'type group', out: 'au', outNames: 'indexes'},
    UserInputProvide: {in: 'uuus', inNames: 'type group id value'},
  },
  name: 'net.openvpn.v3.sessions',
  properties: {
    acl: {type: 'au'},
    backend_pid: {type: 'u'},
    config_name: {type: 's'},
    config_path: {type: 'o'},
    connected_to: {type: '(ssu)'},
    dco: {type: 'b', writable: true},
    device_name: {type: 's'},
    device_path: {type: 's'},
    last_log: {type: 'a{sv}'},
    log_forwards: {type: 'ao'},
    log_verbosity: {type: 'u', writable: true},
    owner: {type: 'u'},
    public_access: {type: 'b', writable: true},
    restrict_log_access: {type: 'b', writable: true},
    session_created: {type: 't'},
    session_name: {type: 's'},
    statistics: {type: 'a{sx}'},
    status: {type: '(uus)'},
  },
  signals: {AttentionRequired: code, Log: logSignal, StatusChange: code},
}

export const configurationManagerInterface: Interface = {
  methods: {
    FetchAvailableConfigs: {in: '', out: 'ao', outNames: 'paths'},
    Import: {
      in: 'ssbb',
      inNames: 'name config_str single_use persistent',
      out: 'o',
      outNames: 'config_path',
    },
    LookupConfigName: {in: 's', inNames: 'config_name', out: 'ao', outNames: 'config_paths'},
  },
  name: 'net.openvpn.v3.configuration',
  properties: {version: {type: 's'}},
  signals: {ConfigurationManagerEvent: {names: 'path type owner', type: 'oqu'}, Log: logSignal},
}

export const profileInterface: Interface = {
  methods: {
    Validate: {in: ''},
    Fetch: {in: '', out: 's', outNames: 'config'},
    SetOverride: {in: 'sv', inNames: 'name value'},
    UnsetOverride: {in: 's', inNames: 'name'},
    AddTag: {in: 's', inNames: 'tag'},
    AccessGrant: {in: 'u', inNames: 'uid'},
    AccessRevoke: {in: 'u', inNames: 'uid'},
    Seal: {in: ''},
    Remove: {in: ''},
  },
  name: 'net.openvpn.v3.configuration',
  properties: {
    acl: {type: 'au'},
    dco: {type: 'b', writable: true},
    import_timestamp: {type: 't'},
    last_used_timestamp: {type: 't'},
    locked_down: {type: 'b', writable: true},
    name: {type: 's', writable: true},
    overrides: {type: 'a{sv}'},
    owner: {type: 'u'},
    persistent: {type: 'b'},
    public_access: {type: 'b', writable: true},
    readonly: {type: 'b'},
    single_use: {type: 'b'},
    tags: {type: 'as'},
    transfer_owner_session: {type: 'b', writable: true},
    used_count: {type: 'u'},
    valid: {type: 'b'},
  },
}

const propertyMethods: Readonly<Record<string, string>> = {Get: 'ss', GetAll: 's', Set: 'ssv'}

const quoted = (text: string) => `“${text}”`

/**
 * The checks that the services' D-Bus library makes before the service receives the call: methods, signatures and
 * properties. The library checks a call when it arrives, even while the service is busy with another call.
 */
export function check(message: Message, iface: Interface, missing?: ReadonlySet<string>): ServiceError | undefined {
  const {body, member, path, signature} = message
  const expect = (expected: string) =>
    signature === expected
      ? undefined
      : invalidArgs(
          `Type of message, ${quoted(`(${signature})`)}, does not match expected type ${quoted(`(${expected})`)}`,
        )
  if (message.interface === iface.name) {
    const method = iface.methods[member]
    return method ? expect(method.in) : unknownMethod(`No such method ${quoted(member)}`)
  }

  if (message.interface === INTROSPECTABLE || message.interface === PEER) return expect('')
  const expected = propertyMethods[member]
  if (message.interface !== PROPERTIES || expected === undefined || expected !== signature) {
    return noSuchInterface(message.interface, path)
  }

  const [name, property, value] = body as [string, string, undefined | Variant]
  if (name !== iface.name) return invalidArgs(`No such interface ${quoted(name)}`)
  if (member === 'GetAll') return
  const known = iface.properties[property]
  if (!known || missing?.has(property)) return invalidArgs(`No such property ${quoted(property)}`)
  if (member === 'Get') return
  if (!known.writable) return invalidArgs(`Property ${quoted(property)} is not writable`)
  if (value!.signature !== known.type) {
    return invalidArgs(
      `Error setting property ${quoted(property)}: Expected type ${quoted(known.type)} but got ${quoted(value!.signature)}`,
    )
  }
}

const noSuchInterface = (iface: string, path: string): ServiceError =>
  unknownMethod(`No such interface ${quoted(iface)} on object at path ${path}`)

/** The error for a call whose object is removed between the arrival of the call and its turn. */
export const vanished = ({interface: iface, member, path}: Message): ServiceError =>
  iface === PROPERTIES && member === 'Set'
    ? failed('Mismatch of object path/interface between object accessed and request')
    : noSuchInterface(iface, path)

/** The error for a call whose object does not exist when the call arrives. */
export const noSuchObject = (path: string): ServiceError =>
  unknownMethod(`Object does not exist at path ${quoted(path)}`)

const doctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
                      "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">`

const standardInterfaces: readonly Interface[] = [
  {
    methods: {
      Get: {in: 'ss', inNames: 'interface_name property_name', out: 'v', outNames: 'value'},
      GetAll: {in: 's', inNames: 'interface_name', out: 'a{sv}', outNames: 'properties'},
      Set: {in: 'ssv', inNames: 'interface_name property_name value'},
    },
    name: PROPERTIES,
    properties: {},
    signals: {
      PropertiesChanged: {names: 'interface_name changed_properties invalidated_properties', type: 'sa{sv}as'},
    },
  },
  {methods: {Introspect: {in: '', out: 's', outNames: 'xml_data'}}, name: INTROSPECTABLE, properties: {}},
  {methods: {GetMachineId: {in: '', out: 's', outNames: 'machine_uuid'}, Ping: {in: ''}}, name: PEER, properties: {}},
]

/** Splits a signature into its complete types; the signatures here nest no deeper than one bracket. */
const types = (signature: string): string[] => signature.match(/a?(?:\([a-z]+\)|{[a-z]+}|[a-z])/g) ?? []

const args = (signature = '', names = '', direction = '') =>
  types(signature).map((type, index) => {
    const name = names.split(' ')[index] ?? ''
    return `      <arg type="${type}" name="${name}"${direction && ` direction="${direction}"`}/>\n`
  })

const describe = (iface: Interface) =>
  [
    `  <interface name="${iface.name}">\n`,
    ...Object.entries(iface.methods).flatMap(([name, method]) => [
      `    <method name="${name}">\n`,
      ...args(method.in, method.inNames, 'in'),
      ...args(method.out, method.outNames, 'out'),
      '    </method>\n',
    ]),
    ...Object.entries(iface.signals ?? {}).flatMap(([name, signal]) => [
      `    <signal name="${name}">\n`,
      ...args(signal.type, signal.names),
      '    </signal>\n',
    ]),
    ...Object.entries(iface.properties).map(
      ([name, {type, writable}]) =>
        `    <property type="${type}" name="${name}" access="${writable ? 'readwrite' : 'read'}"/>\n`,
    ),
    '  </interface>\n',
  ].join('')

/** Introspection data of an object, or, without an interface, of a node that only has children. */
export function introspect(iface: Interface | undefined, children: readonly string[]): string {
  const interfaces = iface ? [...standardInterfaces, iface].map((each) => describe(each)).join('') : ''
  const nodes = children.map((child) => `  <node name="${child}"/>\n`).join('')
  return `${doctype}\n<node>\n${interfaces}${nodes}</node>\n`
}
