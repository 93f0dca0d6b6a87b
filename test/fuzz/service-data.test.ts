import type {PropertyName, SessionProperties, Snapshot} from '@ovpn3/sessions'

import {displayWidth} from '@ovpn3/kit'
import {exposition} from '@ovpn3/plugin-session-stats/dist/prometheus'
import {ratesBetween} from '@ovpn3/plugin-session-stats/dist/rates'
import {sampleLine} from '@ovpn3/plugin-session-stats/dist/view'
import {printClassic} from '@ovpn3/plugin-sessions-list/dist/classic'
import {detailsOf, type Entry, listedSession} from '@ovpn3/plugin-sessions-list/dist/entry'
import {sorted} from '@ovpn3/plugin-sessions-list/dist/query'
import {sessionTable} from '@ovpn3/plugin-sessions-list/dist/table'
import {isOvpn3Error, labelOf, readingOf} from '@ovpn3/sessions'
import {Variant} from 'dbus-next'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {Bus, type Call} from '../../src/lib/bus'
import {LogForwards, ServiceSession} from '../../src/lib/openvpn3'
import {FakeSource} from '../support/fake-session'
import {document} from '../support/schemas'
import {controls, dbusText, longText} from './arbitrary'

const path = '/net/openvpn/v3/sessions/0123456789abcdef'
const properties = [
  'acl',
  'backend_pid',
  'config_name',
  'config_path',
  'connected_to',
  'device_name',
  'log_verbosity',
  'owner',
  'public_access',
  'restrict_log_access',
  'session_created',
  'session_name',
  'statistics',
  'status',
] as const satisfies readonly PropertyName[]

/** Any value that D-Bus can transport. */
const anything = fc.letrec<{value: unknown}>((tie) => ({
  value: fc.oneof(
    {depthSize: 'small'},
    longText,
    fc.integer({max: 2 ** 32, min: -(2 ** 31)}),
    fc.bigInt({max: 2n ** 64n - 1n, min: -(2n ** 63n)}),
    fc.double(),
    fc.option(fc.boolean(), {nil: undefined}),
    fc.uint8Array({maxLength: 4}).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), {maxLength: 7}),
    fc.dictionary(dbusText(3), tie('value'), {maxKeys: 4}),
    tie('value').map((value) => new Variant('v', value)),
  ),
})).value

const uint32 = fc.nat({max: 2 ** 32 - 1})
const uint64 = fc.bigInt({max: 2n ** 64n - 1n, min: 0n})
const int64 = fc.bigInt({max: 2n ** 63n - 1n, min: -(2n ** 63n)})

/** Any value of the type that the service declares. */
const declared: Record<PropertyName, fc.Arbitrary<unknown>> = {
  acl: fc.array(uint32),
  backend_pid: uint32,
  config_name: longText,
  config_path: fc.constant('/net/openvpn/v3/configuration/x'),
  connected_to: fc.tuple(
    longText,
    fc.oneof(
      longText,
      fc.nat({max: 30}).map((n) => '漢'.repeat(n)),
    ),
    uint32,
  ),
  device_name: dbusText(2),
  log_verbosity: uint32,
  owner: fc.constantFrom(0, 1, process.getuid!(), 2 ** 32 - 1),
  public_access: fc.boolean(),
  restrict_log_access: fc.boolean(),
  session_created: fc.oneof(uint64, fc.bigInt({max: 2n ** 33n, min: 0n})),
  session_name: longText,
  statistics: fc.dictionary(fc.oneof(fc.constantFrom('BYTES_IN', 'N_PAUSE', 'constructor'), dbusText(4)), int64, {
    noNullPrototype: true,
  }),
  status: fc.tuple(uint32, fc.oneof(uint32, fc.nat({max: 30})), longText),
}

const source = Object.assign(new FakeSource(), {logs: new LogForwards()})

/** A bus that replies to every call with the body from `answer`. */
const answering = (answer: (call: Call) => readonly unknown[]) =>
  Object.assign<Bus, Pick<Bus, 'call'>>(Object.create(Bus.prototype), {call: async (call) => [...answer(call)]})

/** A session with the given properties. */
async function sessionOf(values: Readonly<Record<string, unknown>>): Promise<ServiceSession> {
  const bus = answering(({body}) => [new Variant('v', values[String(body![1])])])
  const session = new ServiceSession(source, bus, path)
  await session.refresh(properties)
  return session
}

const session = fc.record(declared).map((values) => sessionOf(values))
const types: Record<PropertyName, (value: unknown) => boolean> = {
  acl: (v) => Array.isArray(v) && v.every((uid) => Number.isInteger(uid)),
  backend_pid: Number.isInteger,
  config_name: (v) => typeof v === 'string',
  config_path: (v) => typeof v === 'string',
  connected_to(v) {
    const {host, port, protocol} = v as SessionProperties['connected_to']
    return typeof host === 'string' && typeof protocol === 'string' && Number.isInteger(port)
  },
  device_name: (v) => typeof v === 'string',
  log_verbosity: Number.isInteger,
  owner: Number.isInteger,
  public_access: (v) => typeof v === 'boolean',
  restrict_log_access: (v) => typeof v === 'boolean',
  session_created: (v) => Number.isInteger(v) && !Number.isNaN(new Date(Number(v) * 1000).getTime()),
  session_name: (v) => typeof v === 'string',
  statistics: (v) => Object.values(v as object).every((counter) => typeof counter === 'bigint'),
  status(v) {
    const {major, message, minor} = v as SessionProperties['status']
    return Number.isInteger(major) && Number.isInteger(minor) && typeof message === 'string'
  },
}

describe('arbitrary replies of the session manager', () => {
  it('become a property of the right type, or an error about that property', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...properties), fc.array(anything, {maxLength: 2}), async (name, reply) => {
        const bus = answering(() => reply)
        const snapshot: Snapshot = await new ServiceSession(source, bus, path).fetch([name])
        const {errors, values} = snapshot
        if (errors[name]) {
          assert.equal(errors[name].code, 'failed')
          assert.match(errors[name].message, new RegExp(`^invalid ${name} from the service: expected type [a-z ]+$`))
          assert.deepEqual(values, {})
        } else assert.ok(types[name](values[name]), String(values[name]))
      }),
      {numRuns: 3000},
    )
  })

  it('become properties with the same values if their types are right', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(declared), async (values) => {
        const {snapshot} = await sessionOf(values)
        // A time beyond the range of dates is an error.
        assert.deepEqual(
          Object.keys(snapshot.errors).filter((name) => name !== 'session_created'),
          [],
        )
        assert.equal(snapshot.values.config_name, values.config_name)
        assert.deepEqual({...snapshot.values.statistics}, values.statistics)
      }),
      {numRuns: 300},
    )
  })

  it('cause only ovpn3 errors in calls', async () => {
    const calls = [
      (one: ServiceSession) => one.inputRequests(),
      (one: ServiceSession) => one.profile(),
      (one: ServiceSession) => one.ready(),
      (one: ServiceSession) => one.pause('x'),
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...calls),
        fc.infiniteStream(fc.oneof(anything, fc.constant([[1, 1]]), fc.constant([0, 1]), fc.constant('/a/b'))),
        async (call, replies) => {
          const bus = answering(() => [replies.next().value])
          try {
            await call(new ServiceSession(source, bus, path))
          } catch (error) {
            assert.ok(isOvpn3Error(error), String(error))
          }
        },
      ),
      {numRuns: 2000},
    )
  })
})

describe('sessions with arbitrary properties', () => {
  const required = {profile: false, properties, requiresOwner: false}
  const entry = async (one: ServiceSession): Promise<Entry> => {
    const reading = readingOf(one, one.snapshot, false)
    return {...reading, details: await detailsOf(reading, required)}
  }

  const colors = Object.fromEntries(
    ['bold', 'cyan', 'dim', 'green', 'red', 'yellow'].map((name) => [name, (text: string) => text]),
  ) as Parameters<typeof sessionTable>[1]['colors']

  it('have one row each in a table that fits the terminal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(session, {maxLength: 4, minLength: 1}),
        // These columns fit into 80 characters.
        fc.subarray(['id', 'config', 'profile', 'status', 'message', 'server', 'owner', 'age'] as const, {
          minLength: 1,
        }),
        fc.option(fc.integer({max: 200, min: 80}), {nil: undefined}),
        fc.boolean(),
        async (sessions, columns, width, keepsColumns) => {
          const entries = await Promise.all(sessions.map(async (one) => entry(await one)))
          for (const column of columns) sorted(entries, {filters: [], sort: {column, descending: false}}, 0)
          const table = sessionTable(entries, {colors, columns, keepsColumns, now: Date.now() / 1000, width})
          assert.doesNotMatch(table, controls)
          const lines = table.split('\n')
          assert.equal(lines.length, entries.length + 1)
          if (width !== undefined)
            for (const line of lines)
              assert.ok(displayWidth(line) <= width, `${displayWidth(line)} > ${width}: ${line}`)
        },
      ),
      {numRuns: 150},
    )
  })

  it('are printed as records that a script for the reference tool can parse', async () => {
    const labels = ['Path', 'Created', 'Owner', 'Config name', 'Connected to', 'Status']
    await fc.assert(
      fc.asyncProperty(fc.array(session, {maxLength: 4, minLength: 1}), async (sessions) => {
        const entries = await Promise.all(sessions.map(async (one) => entry(await one)))
        const printed: string[] = []
        await printClassic(
          entries,
          () => entries.length,
          (text) => printed.push(text),
        )
        const text = printed.join('\n')
        assert.doesNotMatch(text, controls)
        const lines = text.split('\n')
        assert.match(lines[0]!, /^-{77}$/)
        assert.equal(lines.at(-1), lines[0])
        const records = lines.slice(1, -1).join('\n').split('\n\n')
        assert.equal(records.length, entries.length)
        for (const [i, record] of records.entries()) {
          const fields = record.split('\n').map((line) => /^ *([A-Z][a-z ]+): (.*)$/.exec(line)!.slice(1, 3))
          const found = fields.map(([label]) => label!)
          assert.deepEqual(
            found,
            labels.filter((label) => found.includes(label)),
          )
          assert.deepEqual(fields[0], ['Path', entries[i]!.session.path])
          for (const label of ['Created', 'Owner', 'Status']) assert.ok(found.includes(label), label)
        }
      }),
      {numRuns: 150},
    )
  })

  it('are printed as documents that conform to their schema and contain the unchanged names', async () => {
    const keys = ['config', 'created', 'device', 'owner', 'pid', 'server', 'status'] as const
    await fc.assert(
      fc.asyncProperty(session, async (one) => {
        const listed = listedSession(await entry(await one), keys)
        const [{config}] = document<{sessions: [{config: string}]}>(
          'sessions-list',
          JSON.stringify({sessions: [listed]}),
        ).sessions
        assert.equal(config, (await one).snapshot.values.config_name)
      }),
      {numRuns: 150},
    )
  })

  it('are printed as metrics, with one sample per line and each family once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(session, {maxLength: 4}), async (sessions) => {
        const text = exposition(await Promise.all(sessions), [])
        assert.doesNotMatch(text, controls)
        const families: string[] = []
        for (const line of text.split('\n').slice(0, -1)) {
          const family = /^# TYPE (\w+) (counter|gauge)$/.exec(line)
          if (family) families.push(family[1]!)
          else assert.match(line, /^(# HELP \w+ [^\n]+|[a-z0-9_]+({(([a-z]+)="([^"\\]|\\["\\n])*",?)*})? -?\d+)$/)
        }

        assert.equal(new Set(families).size, families.length)
        assert.doesNotMatch(text, /\[native code]/)
      }),
      {numRuns: 150},
    )
  })

  it('are printed as lines with finite rates', async () => {
    await fc.assert(
      fc.asyncProperty(
        session,
        session,
        fc.double({max: 1e9, min: -1e9, noNaN: true}).filter((ms) => ms <= 0 || ms >= 0.001),
        async (a, b, at) => {
          const before = {at: 0, counters: (await a).snapshot.values.statistics!}
          const after = {at, counters: (await b).snapshot.values.statistics!}
          const rates = ratesBetween(before, after)
          const sample = {
            rates,
            session: await a,
            statistics: after.counters,
            time: new Date(),
            type: 'sample',
          } as const
          const line = sampleLine(sample, labelOf(await a))
          assert.doesNotMatch(line, controls)
          assert.doesNotMatch(line, /\n|NaN|undefined/)
          if (rates) for (const rate of Object.values(rates)) assert.ok(Number.isFinite(rate), String(rate))
        },
      ),
      {numRuns: 300},
    )
  })
})
