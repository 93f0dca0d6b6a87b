import type {LiveQuery} from '@ovpn3/plugin-autocomplete/dist/engine/candidates'
import type {Installed} from '@ovpn3/plugin-autocomplete/dist/engine/command'

import {complete} from '@ovpn3/plugin-autocomplete/dist/engine/complete'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {findPlugins} from '../../src/plugins/find'
import {commandsOf} from '../../src/plugins/modules'
import {verbNames, verbs} from '../../src/verbs'
import {ovpn3Shared} from '../support/cli'
import {repository} from '../support/repository'
import {nowhere} from '../support/world'

process.env.OVPN3_DATA_DIR = '/nowhere'
const commands = findPlugins(repository).flatMap((plugin) => commandsOf(plugin))

/** Completes the last word of a line; returns the candidates and the query for live values. */
async function ask(line: string, among: readonly Installed[] = commands) {
  const words = line.split(' ')
  const queries: LiveQuery[] = []
  const candidates = await complete(
    {commands: among, verbs: verbNames},
    words.slice(0, -1),
    words.at(-1)!,
    async (query) => {
      queries.push(query)
      return [{value: 'live'}]
    },
  )
  return {candidates, query: queries[0], values: candidates.map(({value}) => value)}
}

const has = (values: readonly string[], ...wanted: readonly string[]) => {
  for (const value of wanted) assert.ok(values.includes(value), `${value} is not among ${values.join(' ')}`)
}

const lacks = (values: readonly string[], ...unwanted: readonly string[]) => {
  for (const value of unwanted) assert.ok(!values.includes(value), `${value} is among ${values.join(' ')}`)
}

describe('completion of commands', () => {
  it('offers all commands with descriptions', async () => {
    const {candidates, values} = await ask('')
    has(values, ...verbs.map(({name}) => name), 'session-manage', 'autocomplete', 'plugins', 'help')
    const list = candidates.find(({value}) => value === 'list')
    assert.equal(list?.description, 'List VPN sessions: your own and those shared with you')
  })

  it('offers each command once: by its verb, or by the name that matches what was typed', async () => {
    lacks((await ask('')).values, 'sessions-list', 'ls', 'up', 'down')
    assert.deepEqual((await ask('sessi')).values.sort(), [
      'session-acl',
      'session-auth',
      'session-log',
      'session-manage',
      'session-start',
      'session-stats',
      'sessions-list',
    ])
    assert.deepEqual((await ask('ls')).values, ['ls'])
    assert.deepEqual((await ask('do')).values, ['down'])
    assert.deepEqual((await ask('help p')).values.sort(), ['pause', 'plugins'])
  })

  it("prefers a plugin's command to a verb of the same name", async () => {
    const plugin = (id: string, summary: string): Installed => {
      const cached = {flags: {mine: {type: 'boolean' as const}}, summary}
      return {cached, id, load: async () => cached}
    }

    const among = [...commands, plugin('pause', 'Pause the music'), plugin('list', 'List the music')]
    const {candidates} = await ask('', among)
    for (const [name, description] of [
      ['pause', 'Pause the music'],
      ['list', 'List the music'],
    ]) {
      assert.equal(candidates.find(({value}) => value === name)?.description, description)
      assert.deepEqual((await ask(`${name} --`, among)).values, ['--mine', '--help'])
    }
  })

  it('offers the commands of a topic, which may be a command itself', async () => {
    has((await ask('plugins ')).values, 'install', 'link', 'uninstall', '--core')
    has((await ask('help plugins ')).values, 'install', 'link')
  })

  it('offers no second command', async () => {
    lacks((await ask('session-manage ')).values, 'session-manage', 'sessions-list')
    assert.deepEqual((await ask('nosuch ')).values, [])
  })

  it('offers options before a command', async () => {
    assert.deepEqual((await ask('-')).values, ['--help', '-h', '--version', '-V', '-v'])
  })
})

describe('completion of options', () => {
  it('offers long options, short options and aliases with descriptions', async () => {
    const {candidates, values} = await ask('session-manage -')
    has(values, '--pause', '-P', '--path', '--session-path', '-o', '--json', '-j', '--help', '-h')
    const described = candidates.filter(({value}) => ['--pause', '-P'].includes(value))
    assert.deepEqual(new Set(described.map(({description}) => description)), new Set(['Pause a session']))
    for (const {description} of candidates) assert.ok(description)
  })

  it('offers only long options after -- and for an empty word', async () => {
    for (const line of ['session-manage --', 'session-manage ']) {
      const {values} = await ask(line)
      has(values, '--pause', '--config')
      assert.ok(values.every((value) => value.startsWith('--')))
    }
  })

  const actions = ['--pause', '--resume', '--restart', '--disconnect', '--cleanup', '--log-level']
  const selectors = ['--path', '--session-path', '--config', '--interface', '--all']

  for (const given of ['--pause', '-P', '--pau', '-jP', '--log-level', '--log-level=3'])
    it(`offers no second action after ${given}`, async () => {
      const {values} = await ask(`session-manage ${given} --`)
      lacks(values, ...actions)
      has(values, '--config', '--dry-run')
    })

  for (const given of ['--config office', '-c office', '-coffice', '--conf=office', '--session-path 1234', '--all'])
    it(`offers no second selector after ${given}`, async () => {
      for (const command of ['session-manage', 'session-stats']) {
        const {values} = await ask(`${command} ${given} --`)
        lacks(values, ...selectors)
      }
    })

  it('offers the options of an action only with that action', async () => {
    has((await ask('session-manage --pause --')).values, '--reason')
    lacks((await ask('session-manage --pause --')).values, '--timeout', '--wait', '--keep', '--failed')
    has((await ask('session-manage --resume --')).values, '--timeout', '--wait', '--keep')
    lacks((await ask('session-manage --resume --wait --')).values, '--timeout', '--reason')
    has((await ask('session-manage --cleanup --')).values, '--failed')
    lacks((await ask('session-manage --cleanup --')).values, ...selectors)
    lacks((await ask('session-manage --log-level --')).values, '--all')
    lacks((await ask('sessions-list --json --')).values, '--format')
  })

  it('offers the options of a verb that apply to its action', async () => {
    const {values} = await ask('pause --')
    has(values, '--config', '--all', '--reason', '--dry-run')
    lacks(values, ...actions, '--timeout', '--failed', '--credentials')
    has((await ask('resume --')).values, '--timeout', '--wait', '--credentials')
    lacks((await ask('cleanup --')).values, ...selectors, '--yes')
    assert.deepEqual((await ask('pause --config ')).query?.skip, (await ask('session-manage -P --config ')).query?.skip)
  })

  it('offers options that depend on a value only with that value', async () => {
    lacks((await ask('sessions-list --format classic --')).values, '--columns', '--watch')
    has((await ask('sessions-list --format=classic --')).values, '--sort', '--filter')
    has((await ask('sessions-list --format table --')).values, '--columns', '--watch')
    lacks((await ask('session-stats --format prometheus --')).values, '--watch')
    has((await ask('session-stats --format text --')).values, '--watch')
  })

  it('offers --yes only if several sessions can be selected', async () => {
    has((await ask('session-manage --pause --')).values, '--yes')
    has((await ask('session-manage --pause --all -')).values, '--yes', '-y')
    for (const line of ['--cleanup', '--log-level=3', '--pause --config office'])
      lacks((await ask(`session-manage ${line} -`)).values, '--yes', '-y')
  })

  it('offers an option again only if it can be repeated', async () => {
    lacks((await ask('session-acl --show --')).values, '--show')
    has((await ask('session-acl --grant bob --')).values, '--grant')
    assert.deepEqual((await ask('session-manage -c office -c ')).values, [])
  })

  it('offers no options after --', async () => {
    assert.deepEqual((await ask('session-manage -- -')).values, [])
  })
})

describe('options that completion omits', () => {
  it('are refused by the command if they conflict with a value', async () => {
    const refused = []
    for (const {id, load} of commands) {
      const {completion = {}, flags} = await load()
      for (const [option, {excludes = {}}] of Object.entries(completion))
        for (const [value, others] of Object.entries(excludes))
          for (const other of others) {
            const args = [id, `--${option}=${value}`, `--${other}${flags?.[other]?.type === 'option' ? '=1' : ''}`]
            const {status, stderr} = await ovpn3Shared(nowhere, 'alice', args)
            assert.equal(status, 2, stderr)
            assert.match(stderr, new RegExp(`--format=${value}`))
            refused.push(other)
          }
    }

    assert.deepEqual(refused, ['columns', 'watch', 'watch'])
  })

  it('include --yes, which the command still accepts', async () => {
    const {status, stderr} = await ovpn3Shared(nowhere, 'alice', ['session-manage', '--cleanup', '--yes'])
    assert.equal(status, 6, stderr)
  })
})

describe('completion of fixed values', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'autocomplete ': ['bash', 'zsh', 'fish'],
    'session-acl --allow-log-access ': ['true', 'false'],
    'session-acl --public-access=': ['--public-access=true', '--public-access=false'],
    'session-manage --log-level=': [0, 1, 2, 3, 4, 5, 6].map((level) => `--log-level=${level}`),
    'session-manage --reason ': [],
    'session-start --dco ': ['true', 'false'],
    'session-start --if-running ': ['fail', 'keep', 'restart'],
    'session-stats --format ': ['text', 'prometheus', 'json'],
    'session-log --until ': ['connected', 'disconnected'],
    'log --until ': ['connected', 'disconnected'],
    'log --log-level ': ['0', '1', '2', '3', '4', '5', '6'],
    'session-stats --watch --format ': ['text', 'json'],
    'sessions-list --columns id --format ': ['text', 'table', 'json'],
    'sessions-list --watch --format=': ['--format=text', '--format=table', '--format=json'],
    'sessions-list --format=': ['--format=text', '--format=table', '--format=classic', '--format=json'],
  }
  for (const [line, expected] of Object.entries(cases)) {
    it(`offers the values for ${line}`, async () => {
      assert.deepEqual((await ask(line)).values, expected)
    })
  }

  it('offers an optional value only after =', async () => {
    lacks((await ask('session-manage --log-level ')).values, '3')
  })

  it('offers sort keys, also in reverse', async () => {
    has((await ask('sessions-list --sort ')).values, 'age', '-age')
    has((await ask('sessions-list --sort -')).values, '-age', '-status')
    has((await ask('sessions-list --sort=-')).values, '--sort=-age')
  })

  it('offers several values in a list, each once', async () => {
    const {values} = await ask('sessions-list --columns id,status,')
    has(values, 'id,status,config')
    lacks(values, 'id,status,id', 'id,status,status')
  })
})

describe('completion of KEY=VALUE', () => {
  it('offers the keys', async () => {
    for (const line of ['sessions-list --filter ', 'sessions-list --filter st'])
      has((await ask(line)).values, 'status=', 'config=', 'age=')
    has((await ask('sessions-list --filter=st')).values, '--filter=status=')
  })

  it('offers the values of a key', async () => {
    has((await ask('sessions-list --filter status=')).values, 'status=connected', 'status=authentication failed')
    has((await ask('sessions-list --filter=status=pa')).values, '--filter=status=paused')
    for (const [line, kind] of [
      ['sessions-list --filter config=', 'config'],
      ['sessions-list --filter device=', 'interface'],
      ['sessions-list --filter status=paused --filter owner=', 'owner'],
    ] as const) {
      const {query, values} = await ask(line)
      assert.deepEqual(
        [query?.values, query?.typed, values],
        [kind, '', [`${kind.replace('interface', 'device')}=live`]],
      )
    }
  })

  it('offers nothing for keys without known values', async () => {
    for (const key of ['age', 'nosuch', 'constructor', ''])
      assert.deepEqual((await ask(`sessions-list --filter ${key}=`)).values, [], key)
  })
})

describe('completion of live values', () => {
  it('works for all forms of an option', async () => {
    for (const line of ['session-manage -c ', 'session-manage --config ', 'session-manage -Pc ']) {
      const {query, values} = await ask(line)
      assert.deepEqual([query?.values, values], ['config', ['live']])
    }

    assert.deepEqual((await ask('session-manage --config=of')).values, ['--config=live'])
    assert.deepEqual((await ask('session-manage --conf=of')).values, ['--conf=live'])
    assert.deepEqual((await ask('session-manage -cof')).values, ['-clive'])
    assert.deepEqual((await ask('session-manage -Pcof')).values, ['-Pclive'])
  })

  it('queries the kind of value that the option takes', async () => {
    assert.equal((await ask('session-start -c ')).query?.values, 'profile')
    assert.equal((await ask('session-start --config ')).query?.values, 'profile')
    assert.equal((await ask('session-start --config-path ')).query?.values, 'profile-path')
    assert.equal((await ask('session-stats -o ')).query?.values, 'session')
    assert.equal((await ask('log --session-path ')).query?.values, 'session')
    assert.equal((await ask('session-stats --session-path ')).query?.values, 'session')
    assert.equal((await ask('session-stats -I ')).query?.values, 'interface')
    assert.equal((await ask('session-acl --grant ')).query?.values, 'user')
    assert.equal((await ask('session-acl -R ')).query?.values, 'user-with-access')
  })

  it('restricts the query by the other options of the line', async () => {
    const paused = [14, 13]
    const {query} = await ask('session-manage --pause -c ')
    for (const minor of paused) assert.ok(query!.skip.has(minor))
    assert.ok((await ask('session-manage --resume -c ')).query!.skip.has(7))
    assert.equal((await ask('session-manage -c ')).query!.skip.size, 0)
    assert.equal((await ask('session-acl --grant bob -c ')).query!.own, true)
    assert.equal((await ask('session-acl --show -c ')).query!.own, false)
    const {query: revoke} = await ask('session-acl -c office -R bob --revoke ')
    assert.deepEqual([revoke!.config, revoke!.taken], ['office', ['bob']])
  })

  it('omits values that cannot be typed', async () => {
    const names = ['new\nline', 'e\u001B[31mvil', 'x\u202Ey', 'fine', '', 'with space']
    const candidates = await complete({commands, verbs: []}, ['session-manage', '-c'], '', async () =>
      names.map((value) => ({description: 'a\u0007b', value})),
    )
    assert.deepEqual(candidates, [
      {description: 'a b', value: 'fine'},
      {description: 'a b', value: 'with space'},
    ])
  })
})
