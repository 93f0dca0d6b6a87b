import type {ErrorJson} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {ovpn3, ovpn3Shared} from '../support/cli'
import {FakeBus, misbehaviours} from '../support/fake-bus'
import {document} from '../support/schemas'
import {nowhere, onBus} from '../support/world'

/** These command lines fail before they reach a bus, so one process can run them all. */
const run = (args: readonly string[]) => ovpn3Shared(nowhere, 'alice', args)

const path = '/net/openvpn/v3/sessions/00000000s0000s0000s0000s000000000000'

const wrong: Readonly<Record<string, readonly [args: string[], message: RegExp]>> = {
  'a log level above 6': [['--path', path, '--log-level=7'], /invalid log level: "7"/],
  'a log level after a space': [['--path', path, '--log-level', '4'], /"4" and --path cannot be used together/],
  'a log level that is a word': [['--path', path, '--log-level=high'], /invalid log level: "high"/],
  'a negative log level': [['--path', path, '--log-level=-1'], /invalid log level: "-1"/],
  'a path of another service': [['--path', '/org/freedesktop/DBus', '--pause'], /not a session path/],
  'a path that is none': [['--path', 'not/a path', '--pause'], /is not a session path or ID/],
  'a path with a hole': [['--path', '/net//x', '--pause'], /invalid D-Bus object path/],
  'a reason without pause': [
    ['--path', path, '--resume', '--reason', 'x'],
    /--reason and --resume cannot be used together/,
  ],
  'a timeout of 0': [['--path', path, '--resume', '--timeout', '0'], /"0" is out of range/],
  'a timeout of a word': [['--path', path, '--resume', '--timeout', 'soon'], /"soon" is not a duration/],
  'a timeout of half a second': [['--path', path, '--resume', '--timeout', '0.5'], /is out of range/],
  'a timeout that no timer can do': [['--path', path, '--resume', '--timeout', '99999999999'], /is out of range/],
  'a timeout with pause': [
    ['--path', path, '--pause', '--timeout', '4'],
    /--timeout and --pause cannot be used together/,
  ],
  'a session and a selector': [['tun0', '--pause', '-c', 'x'], /"tun0" and --config cannot be used together/],
  'a session and all': [['tun0', '--pause', '--all'], /"tun0" and --all cannot be used together/],
  'a session of an empty variable': [['--disconnect', ''], /SESSION is empty/],
  'a session with NUL': [['--disconnect', 'a\0'], /SESSION: .* cannot contain a NUL character/],
  'all and a selector': [['--all', '--config', 'x', '--pause'], /--config and --all cannot be used together/],
  'all with log-level': [['--all', '--log-level'], /--log-level and --all cannot be used together/],
  'an ambiguous abbreviation': [
    ['--path', path, '--re'],
    /ambiguous option: --re could be --resume, --restart or --reason/,
  ],
  'an empty path': [['--path', '', '--pause'], /is not a session path or ID/],
  'an empty profile name': [['--config', '', '--pause'], /--config is empty: it requires a profile name/],
  'an option without its value': [['--pause', '--path'], /option --path requires a value/],
  'an unknown option': [['--path', path, '--bogus'], /unknown option: --bogus/],
  'cleanup of a session': [['--cleanup', 'tun0'], /"tun0" and --cleanup cannot be used together/],
  'cleanup with a selector': [['--cleanup', '--path', path], /--cleanup and --path cannot be used together/],
  'failed without cleanup': [['--path', path, '--pause', '--failed'], /--failed and --pause cannot be used together/],
  'keep without a wait': [['--path', path, '--resume', '--keep'], /--keep requires --timeout or --wait/],
  'no action': [['--path', path], /no action/],
  'no selector': [['--pause'], /no session/],
  nothing: [[], /no action/],
  'the manager as a path': [['--path', '/net/openvpn/v3/sessions', '--disconnect'], /not a session path/],
  'two actions': [['--path', path, '--pause', '--resume'], /--pause and --resume cannot be used together/],
  'two selectors': [['--path', path, '--config', 'x', '--pause'], /--path and --config cannot be used together/],
  'wait and timeout': [['--path', path, '--resume', '--wait', '--timeout', '3'], /cannot be used together/],
}

describe('wrong usage of session-manage', () => {
  for (const [what, [args, message]] of Object.entries(wrong)) {
    it(`${what}: exit 2, a message and a hint`, async () => {
      const plain = await run(['session-manage', ...args])
      assert.equal(plain.status, 2, plain.stderr)
      assert.equal(plain.stdout, '')
      assert.match(plain.stderr, message)
      assert.ok(plain.stderr.trim().split('\n').length <= 2, plain.stderr)
      assert.doesNotMatch(plain.stderr, / {2}at /)
      const json = await run(['session-manage', ...args, '--json'])
      // an option without its value consumes --json
      if (what === 'an option without its value') return
      assert.equal(json.status, 2)
      const {error} = document<{error: ErrorJson}>('error', json.stdout)
      assert.equal(error.code, 'usage')
      assert.match(error.message, message)
      assert.equal(json.stderr, '')
    })
  }
})

const noAction = 'no action given'

describe('a hint', () => {
  const cases: Readonly<Record<string, readonly [message: string, hint: string]>> = {
    'session-acl --all yes': ['unknown option: --all', 'Select one session: pass its name, device or ID'],
    'session-manage --help=foo': ['--help takes no value', 'Did you mean: ovpn3 session-manage --help'],
    'session-manage --log-level 5 -c office': [
      '"5" and --config cannot be used together',
      'Did you mean: ovpn3 session-manage --log-level=5 -c office',
    ],
    'session-manage --log-level 5 office': [
      'unexpected argument: office',
      'Did you mean: ovpn3 session-manage --log-level=5 office',
    ],
    'session-manage --pause -c my vpn': ['"vpn" and --config cannot be used together', 'Pass only one of them'],
    'session-manage --pause=office': ['--pause takes no value', 'Did you mean: ovpn3 session-manage --pause'],
    'session-manage help': [noAction, 'Did you mean: ovpn3 session-manage --help'],
    'session-manage log-level -c office': [
      '"log-level" and --config cannot be used together',
      'Did you mean: ovpn3 session-manage --log-level -c office',
    ],
    'session-manage my vpn -P': ['unexpected argument: vpn', 'Run `ovpn3 session-manage --help`'],
    'session-manage pause': [noAction, 'Did you mean: ovpn3 session-manage --pause'],
    'session-manage pause office': ['unexpected argument: office', 'Did you mean: ovpn3 session-manage --pause office'],
    'session-stats office --watch 5': ['unexpected argument: 5', 'Did you mean: ovpn3 session-stats office --watch=5'],
    'session-stats --watch 2 --all': [
      '"2" and --all cannot be used together',
      'Did you mean: ovpn3 session-stats --watch=2 --all',
    ],
    [`session-manage --path ${path} --puase`]: [
      'unknown option: --puase',
      `Did you mean: ovpn3 session-manage --path ${path} --pause`,
    ],
    'sessions-list --all': ['unknown option: --all', 'Run `ovpn3 sessions-list --help`'],
    'sessions-list --config': ['unknown option: --config', 'Did you mean: ovpn3 sessions-list --filter config=NAME'],
    'sessions-list --config office': [
      'unknown option: --config',
      'Did you mean: ovpn3 sessions-list --filter config=office',
    ],
    "sessions-list --config=it's": [
      "unknown option: --config=it's",
      String.raw`Did you mean: ovpn3 sessions-list --filter 'config=it'\''s'`,
    ],
    'sessions-list --interface tun0': [
      'unknown option: --interface',
      'Did you mean: ovpn3 sessions-list --filter device=tun0',
    ],
    'sessions-list --path ec00': ['unknown option: --path', "Did you mean: ovpn3 sessions-list --filter 'id=ec00*'"],
    'sessions-list --watch=abc': ['--watch takes no value', 'Did you mean: ovpn3 sessions-list --watch'],
    'sessions-list -coffice': ['unknown option: -coffice', 'Did you mean: ovpn3 sessions-list --filter config=office'],
    [`sessions-list -o ${path}`]: ['unknown option: -o', `Did you mean: ovpn3 sessions-list --filter path=${path}`],
    'sessions-list office': ['unexpected argument: office', 'Run `ovpn3 sessions-list --help`'],
  }
  for (const [line, [message, hint]] of Object.entries(cases)) {
    it(line, async () => {
      const {status, stderr} = await run(line.split(' '))
      assert.deepEqual([status, stderr], [2, `Error: ${message}\n${hint}\n`])
    })
  }

  for (const line of [
    ['session-manage', '--disconnect', '--config', '- just lunch'],
    ['session-manage', '--disconnect', '--config', '-j=x', '--bogus'],
    ['session-stats', '--config', '- just lunch'],
    ['session-manege', '--config', '--json'],
    ['help', 'session-manage', '- json', '--bogus'],
  ])
    it(`${line.join(' ')}: a value does not enable JSON`, async () => {
      const {status, stderr, stdout} = await run(line)
      assert.equal(stdout, '')
      assert.match(stderr, /^Error: /)
      assert.ok(status === 2 || status === 6, String(status))
    })

  it('--json=true enables JSON', async () => {
    const {stderr, stdout} = await run(['sessions-list', '--json=true'])
    assert.deepEqual(
      [stderr, document<{error: ErrorJson}>('error', stdout).error.message],
      ['', '--json takes no value'],
    )
  })
})

describe('an error with --json', () => {
  for (const [args, lines] of [
    ['session-stats --watch --bogus', 1],
    ['session-stats --watch=soon --all', 1],
    ['session-stats --wat --all --config x', 1],
    ['session-stats --all --format=nosuch', 7],
    ['sessions-list --watch --bogus', 1],
    ['sessions-list --wat --format=nosuch', 1],
    ['sessions-list -jw --columns=nosuch', 1],
    ['sessions-list -- --watch', 7],
  ] as const)
    it(`is one document, or a line with --watch: ${args}`, async () => {
      const [command = '', ...rest] = args.split(' ')
      const {status, stdout} = await run([command, '--json', ...rest])
      assert.equal(status, 2)
      assert.equal(document<{error: ErrorJson}>('error', stdout).error.code, 'usage')
      assert.equal(stdout.split('\n').length - 1, lines, stdout)
    })
})

describe('an unreachable bus', () => {
  it('ends with exit status 6 and names the bus', async () => {
    const {status, stderr} = await ovpn3(nowhere, 'alice', ['session-manage', '--cleanup'])
    assert.equal(status, 6)
    assert.match(stderr, /cannot connect to the system bus: no such socket: \//)
    assert.match(stderr, /Check DBUS_SYSTEM_BUS_ADDRESS: unix:path=\/nowhere\/bus/)
  })

  for (const [what, behave] of Object.entries(misbehaviours)) {
    it(`that ${what} ends with exit status 6`, async () => {
      const fake = await FakeBus.open(behave)
      try {
        const run = await ovpn3(onBus(nowhere, fake.address), 'alice', ['session-manage', '--cleanup', '--json'])
        assert.equal(run.status, 6, run.stderr)
        assert.equal(document<{error: ErrorJson}>('error', run.stdout).error.code, 'bus-unreachable')
        // without a deadline for the connection, a call takes 25 s
        assert.ok(run.time < 20_000)
      } finally {
        fake.close()
      }
    })
  }
})
