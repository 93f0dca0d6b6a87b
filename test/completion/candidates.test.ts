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

/** What the word at the end of a line can become, and what was asked for it. */
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

describe('words of commands', () => {
  it('at the beginning, with what they are for', async () => {
    const {candidates, values} = await ask('')
    has(values, ...verbs.map(({name}) => name), 'session-manage', 'autocomplete', 'plugins', 'help')
    const list = candidates.find(({value}) => value === 'list')
    assert.equal(list?.description, 'List VPN sessions: yours and those that you have access to')
  })

  it('each command once: by its verb, else by the name that begins as typed', async () => {
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

  it("a plugin's command of the name of a verb", async () => {
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

  it('of a topic, which may be a command, too', async () => {
    has((await ask('plugins ')).values, 'install', 'link', 'uninstall', '--core')
    has((await ask('help plugins ')).values, 'install', 'link')
  })

  it('no command where another one has been given', async () => {
    lacks((await ask('session-manage ')).values, 'session-manage', 'sessions-list')
    assert.deepEqual((await ask('nosuch ')).values, [])
  })

  it('options before a command', async () => {
    assert.deepEqual((await ask('-')).values, ['--help', '-h', '--version', '-V', '-v'])
  })
})

describe('options', () => {
  it('with their descriptions, short ones and aliases', async () => {
    const {candidates, values} = await ask('session-manage -')
    has(values, '--pause', '-P', '--path', '--session-path', '-o', '--json', '-j', '--help', '-h')
    const described = candidates.filter(({value}) => ['--pause', '-P'].includes(value))
    assert.deepEqual(new Set(described.map(({description}) => description)), new Set(['Pause a session']))
    for (const {description} of candidates) assert.ok(description)
  })

  it('long ones alone after --, and where nothing is typed', async () => {
    for (const line of ['session-manage --', 'session-manage ']) {
      const {values} = await ask(line)
      has(values, '--pause', '--config')
      assert.ok(values.every((value) => value.startsWith('--')))
    }
  })

  const actions = ['--pause', '--resume', '--restart', '--disconnect', '--cleanup', '--log-level']
  const selectors = ['--path', '--session-path', '--config', '--interface', '--all']

  for (const given of ['--pause', '-P', '--pau', '-jP', '--log-level', '--log-level=3'])
    it(`${given}: no second action`, async () => {
      const {values} = await ask(`session-manage ${given} --`)
      lacks(values, ...actions)
      has(values, '--config', '--dry-run')
    })

  for (const given of ['--config office', '-c office', '-coffice', '--conf=office', '--session-path 1234', '--all'])
    it(`${given}: no second selector`, async () => {
      for (const command of ['session-manage', 'session-stats']) {
        const {values} = await ask(`${command} ${given} --`)
        lacks(values, ...selectors)
      }
    })

  it('what belongs to an action only with it', async () => {
    has((await ask('session-manage --pause --')).values, '--reason')
    lacks((await ask('session-manage --pause --')).values, '--timeout', '--wait', '--keep', '--failed')
    has((await ask('session-manage --resume --')).values, '--timeout', '--wait', '--keep')
    lacks((await ask('session-manage --resume --wait --')).values, '--timeout', '--reason')
    has((await ask('session-manage --cleanup --')).values, '--failed')
    lacks((await ask('session-manage --cleanup --')).values, ...selectors)
    lacks((await ask('session-manage --log-level --')).values, '--all')
    lacks((await ask('sessions-list --json --')).values, '--format')
  })

  it('of a verb: those that go with its action', async () => {
    const {values} = await ask('pause --')
    has(values, '--config', '--all', '--reason', '--dry-run')
    lacks(values, ...actions, '--timeout', '--failed', '--credentials')
    has((await ask('resume --')).values, '--timeout', '--wait', '--credentials')
    lacks((await ask('cleanup --')).values, ...selectors, '--yes')
    assert.deepEqual((await ask('pause --config ')).query?.skip, (await ask('session-manage -P --config ')).query?.skip)
  })

  it('what goes with a value only beside that', async () => {
    lacks((await ask('sessions-list --format classic --')).values, '--columns', '--watch')
    has((await ask('sessions-list --format=classic --')).values, '--sort', '--filter')
    has((await ask('sessions-list --format table --')).values, '--columns', '--watch')
    lacks((await ask('session-stats --format prometheus --')).values, '--watch')
    has((await ask('session-stats --format text --')).values, '--watch')
  })

  it('--yes where several sessions can be meant', async () => {
    has((await ask('session-manage --pause --')).values, '--yes')
    has((await ask('session-manage --pause --all -')).values, '--yes', '-y')
    for (const line of ['--cleanup', '--log-level=3', '--pause --config office'])
      lacks((await ask(`session-manage ${line} -`)).values, '--yes', '-y')
  })

  it('once, unless it can be repeated', async () => {
    lacks((await ask('session-acl --show --')).values, '--show')
    has((await ask('session-acl --grant bob --')).values, '--grant')
    assert.deepEqual((await ask('session-manage -c office -c ')).values, [])
  })

  it('none after --', async () => {
    assert.deepEqual((await ask('session-manage -- -')).values, [])
  })
})

describe('what is left out is of no use', () => {
  it('the command refuses what does not go with a value', async () => {
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

  it('--yes is accepted all the same', async () => {
    const {status, stderr} = await ovpn3Shared(nowhere, 'alice', ['session-manage', '--cleanup', '--yes'])
    assert.equal(status, 6, stderr)
  })
})

describe('fixed values', () => {
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
    it(line, async () => {
      assert.deepEqual((await ask(line)).values, expected)
    })
  }

  it('an option whose value is optional takes it after = alone', async () => {
    lacks((await ask('session-manage --log-level ')).values, '3')
  })

  it('an order, the other way round, too', async () => {
    has((await ask('sessions-list --sort ')).values, 'age', '-age')
    has((await ask('sessions-list --sort -')).values, '-age', '-status')
    has((await ask('sessions-list --sort=-')).values, '--sort=-age')
  })

  it('several in a list, each once', async () => {
    const {values} = await ask('sessions-list --columns id,status,')
    has(values, 'id,status,config')
    lacks(values, 'id,status,id', 'id,status,status')
  })
})

describe('what is KEY=VALUE', () => {
  it('the keys', async () => {
    for (const line of ['sessions-list --filter ', 'sessions-list --filter st'])
      has((await ask(line)).values, 'status=', 'config=', 'age=')
    has((await ask('sessions-list --filter=st')).values, '--filter=status=')
  })

  it('the values of one', async () => {
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

  it('none where nothing is known of them', async () => {
    for (const key of ['age', 'nosuch', 'constructor', ''])
      assert.deepEqual((await ask(`sessions-list --filter ${key}=`)).values, [], key)
  })
})

describe('live values', () => {
  it('where they stand', async () => {
    for (const line of ['session-manage -c ', 'session-manage --config ', 'session-manage -Pc ']) {
      const {query, values} = await ask(line)
      assert.deepEqual([query?.values, values], ['config', ['live']])
    }

    assert.deepEqual((await ask('session-manage --config=of')).values, ['--config=live'])
    assert.deepEqual((await ask('session-manage --conf=of')).values, ['--conf=live'])
    assert.deepEqual((await ask('session-manage -cof')).values, ['-clive'])
    assert.deepEqual((await ask('session-manage -Pcof')).values, ['-Pclive'])
  })

  it('of each kind', async () => {
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

  it('for what the line is about', async () => {
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

  it('what cannot be typed is left out', async () => {
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
