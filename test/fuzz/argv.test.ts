import {type Command, Config} from '@oclif/core'
import {normalizeArgv} from '@ovpn3/kit/flags'
import {fits, queryOf} from '@ovpn3/plugin-sessions-list/dist/query'
import {exitStatus, isOvpn3Error, type Ovpn3Error} from '@ovpn3/sessions'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {before, describe, it} from 'node:test'

import {selectorOf, selectorText} from '../../packages/kit/dist/selector'
import {SessionManager} from '../../src/lib/openvpn3'
import {ovpn3Shared} from '../support/cli'
import {commands as names} from '../support/commands'
import {repository} from '../support/repository'
import {nowhere} from '../support/world'
import {longText} from './arbitrary'

/** The result of a function: a value or a usage error. */
function outcome<T>(run: () => T): {error: Ovpn3Error} | {value: T} {
  try {
    return {value: run()}
  } catch (error) {
    assert.ok(isOvpn3Error(error), String(error))
    assert.equal(error.code, 'usage')
    return {error}
  }
}

const values = fc.oneof(
  longText,
  fc.stringMatching(/^(\/net\/openvpn\/v3\/sessions\/)?\w{0,12}$/),
  fc.stringMatching(/^(\/\w{0,4}){1,6}$/),
  fc.stringMatching(/^-{0,3}[a-z=]{0,8}$/),
  fc.constantFrom('', '-', '--', '=', '0', '1', '-1', '1e3', 'tun0', 'true', 'no', 'constructor', '__proto__', 'a=b=*'),
)

describe('selectors from arbitrary values', () => {
  it('keep the typed value, or are usage errors', () => {
    const given = fc.record(
      {all: fc.boolean(), config: values, interface: values, path: values, session: values},
      {requiredKeys: []},
    )
    fc.assert(
      fc.property(given, (flags) => {
        const result = outcome(() => selectorOf(flags))
        if ('error' in result) return
        const typed = Object.values(flags).filter((value) => value !== false)
        if (result.value === undefined) {
          assert.deepEqual(typed, [])
          return
        }

        assert.equal(Object.keys(flags).length, 1)
        const text = selectorText(flags)
        if (flags.session !== undefined) assert.equal(text, `"${flags.session}"`)
        else if (!flags.all) assert.equal(text.split(' ').slice(1).join(' '), typed[0])
      }),
      {numRuns: 3000},
    )
  })

  it('accept possible paths and IDs, and report others as usage errors without a connection', async () => {
    process.env.DBUS_SYSTEM_BUS_ADDRESS = 'unix:path=/nowhere'
    await fc.assert(
      fc.asyncProperty(values, async (path) => {
        const isOne = /^(\/net\/openvpn\/v3\/sessions\/\w+|\w{4,})$/.test(path)
        const code = isOne ? 'bus-unreachable' : 'usage'
        await assert.rejects(new SessionManager().find({kind: 'path', path}, []), {code})
      }),
      {numRuns: 1000},
    )
  })

  it('are valid filters, sort keys and columns of sessions-list, or usage errors', () => {
    fc.assert(
      fc.property(fc.array(values, {maxLength: 3}), values, values, (filter, sort, columns) => {
        outcome(() => queryOf({filter}))
        outcome(() => queryOf({sort}))
        outcome(() => queryOf({columns}))
      }),
      {numRuns: 1000},
    )
  })

  it('match * as any text in filters of sessions-list, without exponential backtracking', () => {
    const piece = fc.string({maxLength: 3, unit: fc.constantFrom('a', 'b', '.', '\n', '[', '\\')})
    fc.assert(
      fc.property(fc.array(piece, {maxLength: 8, minLength: 1}), fc.array(piece, {maxLength: 8}), (parts, others) => {
        const [filter] = queryOf({filter: [`config=${parts.join('*')}`]}).filters
        const matching = parts.map((part, i) => (i === 0 ? part : (others[i] ?? '') + part)).join('')
        assert.equal(fits(filter!.parts, matching), true, JSON.stringify([parts, matching]))
        assert.equal(fits(filter!.parts, `${matching}x`), parts.length > 1 && parts.at(-1) === '')
      }),
      {numRuns: 1000},
    )
    const [hard] = queryOf({filter: [`config=${'*a'.repeat(20)}*b`]}).filters
    const started = performance.now()
    assert.equal(fits(hard!.parts, 'a'.repeat(10_000)), false)
    assert.ok(performance.now() - started < 2000)
  })
})

describe('command lines with arbitrary arguments', () => {
  let config: Config
  let commands: {readonly flags: readonly string[]; readonly id: string; readonly type: Command.Class}[]

  before(async () => {
    config = await Config.load(repository)
    commands = await Promise.all(
      names
        .filter((name) => name !== 'autocomplete')
        .map(async (id) => {
          const type = await config.findCommand(id, {must: true}).load()
          const flags = Object.entries({...type.baseFlags, ...type.flags}).flatMap(([name, {char}]) => [
            `--${name}`,
            ...(char ? [`-${char}`] : []),
          ])
          return {flags, id, type}
        }),
    )
  })

  it('do not change when they are normalised again, and keep all arguments except long options', () => {
    fc.assert(
      fc.property(fc.array(values, {maxLength: 6}), fc.integer({max: 4, min: 0}), (argv, which) => {
        const {type} = commands[which]!
        const flags = {...type.baseFlags, ...type.flags}
        const optionalValues = 'optionalValues' in type ? (type.optionalValues as Record<string, string>) : {}
        const once = normalizeArgv(argv, flags, optionalValues)
        assert.equal(once.length, argv.length)
        assert.deepEqual(normalizeArgv(once, flags, optionalValues), once)
        for (const [i, argument] of argv.entries()) if (!argument.startsWith('--')) assert.equal(once[i], argument)
      }),
      {numRuns: 2000},
    )
  })

  it('end with a usage error or without a bus, always with a documented exit status and error format', async () => {
    const argument = (flags: readonly string[]) =>
      fc.oneof(
        fc.constantFrom(...flags),
        fc.tuple(fc.constantFrom(...flags), values).map(([flag, value]) => `${flag}=${value}`),
        fc.tuple(fc.constantFrom(...flags), fc.nat({max: 8})).map(([flag, n]) => flag.slice(0, -n || undefined)),
        values,
      )
    const statuses = new Set<number>([0, ...Object.values(exitStatus)])
    const seen = new Map<unknown, number>()
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({max: 3, min: 0})
          .chain((i) => fc.tuple(fc.constant(i), fc.array(argument(commands[i]!.flags), {maxLength: 6}))),
        async ([i, argv]) => {
          // Help takes precedence over every error.
          fc.pre(!argv.includes('-h') && !argv.includes('--help'))
          const {status, stderr, stdout} = await ovpn3Shared(nowhere, 'alice', [commands[i]!.id, ...argv])
          seen.set(status, (seen.get(status) ?? 0) + 1)
          assert.ok(status !== null && statuses.has(status), String(status))
          assert.ok(status === 2 || status === 6, `${status} ${stdout}${stderr}`)
          assert.doesNotMatch(stdout + stderr, /^ +at |\[object|undefined|Error:.*Error:/m)
          if (stdout) {
            const {error} = JSON.parse(stdout) as {error: Ovpn3Error}
            assert.equal(exitStatus[error.code], status)
            assert.equal(stderr, '')
          } else assert.match(stderr, /^Error: [^\n]+(\n[^\n]+)?\n$/)
        },
      ),
      {numRuns: 600},
    )
    assert.ok(seen.get(2)! > 0 && seen.get(6)! > 0, 'expected both exit statuses, 2 and 6')
  })
})
