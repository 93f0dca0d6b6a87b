import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {until} from '../support/cli'
import {type Failure, failures, fleet} from '../support/hosts'
import {document} from '../support/schemas'
import {missingTools} from '../support/tools'

const expected: Readonly<Record<Failure, string>> = {
  'a bridge that logs to the journal': 'systemd-stdio-bridge ended with status 1',
  'a bus that is missing': 'no system bus there',
  'a changed host key': 'its host key has changed',
  'a denied login': 'permission denied (publickey,password)',
  'a long silence': 'timed out after 1 s',
  'a missing bridge': 'systemd-stdio-bridge is not installed there',
  'a refused connection': 'connection refused',
  'a silence that ignores SIGTERM': 'timed out after 1 s',
  'a timeout of ssh': 'no answer',
  'an unknown host key': 'its host key is not known',
  'an unknown name': 'unknown host',
  'an unreachable network': 'no route to host',
  'control characters': 'The tunnel is losed',
}

interface Listed {
  readonly sessions: readonly {readonly config: string; readonly host: string}[]
  readonly errors?: readonly {readonly code: string; readonly message: string; readonly source: string}[]
}

interface Failed {
  readonly error: {readonly code: string; readonly hint?: string; readonly message: string}
}

describe('a host that fails', {skip: missingTools('systemd-stdio-bridge')}, () => {
  const {hosts, run, world} = fleet('gw1', 'gw2')
  /** Signals the processes behind gw1 in place of an answer. */
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of hosts.running('gw1')) process.kill(pid, signal)
    return 'ignore' as const
  }

  for (const failure of Object.keys(failures) as Failure[])
    it(`is reported, with a hint, and leaves no process: ${failure}`, async () => {
      hosts.fail('gw1', failure)
      const {status, stderr, stdout, time} = await run('list -H gw1 --connect-timeout 1')
      const [message = '', hint = '', ...rest] = stderr.trimEnd().split('\n')
      assert.deepEqual([status, stdout, message, rest], [6, '', `Error: gw1: ${expected[failure]}`, []])
      assert.match(hint!, /^(Run `ssh gw1|Check |Find out why|Install the package)/)
      assert.ok(time < 5000, `${time} ms`)
      assert.deepEqual(hosts.running(), [])
    })

  for (const failure of ['a long silence', 'a refused connection', 'a missing bridge'] as const)
    it(`does not hide the other hosts: ${failure}`, async () => {
      hosts.fail('gw1', failure)
      await world('gw2').startSession('alice', 'cert')
      const json = await run('list -H gw1 -H gw2 --connect-timeout 1 --json')
      const {errors, sessions} = document<Listed>('sessions-list', json.stdout)
      assert.deepEqual([json.status, json.stderr], [3, ''])
      assert.deepEqual(
        sessions.map(({config, host}) => [host, config]),
        [['gw2', 'cert']],
      )
      assert.deepEqual(
        errors?.map(({code, message, source}) => [source, code, message]),
        [['gw1', 'host-unreachable', expected[failure]]],
      )
      const text = await run('list -H gw1 -H gw2 --connect-timeout 1')
      assert.equal(text.status, 3)
      assert.match(text.stdout, /Config name: cert$/m)
      assert.ok(text.stderr.startsWith(`Error: gw1: ${expected[failure]}\n`), text.stderr)
    })

  it('is not waited for by the rows of the others', async () => {
    hosts.fail('gw1', 'a long silence')
    await world('gw2').startSession('alice', 'cert')
    const started = performance.now()
    let shown = Infinity
    const {status, stderr, time} = await run('list -H gw1 -H gw2 --format=table --connect-timeout 4', {
      async during(_, output) {
        await until('the row is shown', () => output().includes('gw2'))
        shown = performance.now() - started
      },
    })
    assert.ok(shown < 3500, `${shown} ms`)
    assert.ok(time > 4000 && time < 7000, `${time} ms`)
    assert.deepEqual([status, stderr.split('\n')[0]], [3, 'Error: gw1: timed out after 4 s'])
  })

  it('is reported for each if none can be reached', async () => {
    hosts.fail('gw1', 'a refused connection')
    hosts.fail('gw2', 'an unknown name')
    const {status, stderr} = await run('list -H gw1 -H gw2')
    assert.equal(status, 6)
    assert.match(stderr, /^Error: gw1: connection refused\n.+\nError: gw2: unknown host\n.+\n$/)
    const both = await run('list -H gw1 -H gw2 --json')
    const {errors} = document<Listed>('error', both.stdout)
    assert.deepEqual(
      [both.status, both.stderr, errors?.map(({message, source}) => [source, message])],
      [
        6,
        '',
        [
          ['gw1', 'connection refused'],
          ['gw2', 'unknown host'],
        ],
      ],
    )
    const json = await run('list -H gw1 --json')
    const {error} = document<Failed>('error', json.stdout)
    assert.deepEqual([json.status, error.code, error.message], [6, 'host-unreachable', 'gw1: connection refused'])
  })

  it('has a shell that prints text: the error quotes it', async () => {
    hosts.add('gw1', world('gw1'), {before: String.raw`printf 'Welcome to \033[1mgw1\n'`})
    const {status, stderr, time} = await run('list -H gw1')
    assert.deepEqual([status, stderr.split('\n')[0]], [6, 'Error: gw1: its shell prints text: Welcome to gw1'])
    assert.ok(time < 5000, `${time} ms`)
    // without the end of a line it may still become an answer
    hosts.script('gw1', 'head -c 20000 /dev/zero; exec sleep 1000')
    const silent = await run('list -H gw1 --connect-timeout 1')
    assert.deepEqual([silent.status, silent.stderr.split('\n')[0]], [6, 'Error: gw1: timed out after 1 s'])
    assert.deepEqual(hosts.running(), [])
  })

  it('has a shell that never stops printing: that is an error', async () => {
    hosts.script('gw1', 'exec cat /dev/zero')
    const {status, stderr, time} = await run('list -H gw1')
    assert.deepEqual([status, stderr.split('\n')[0]], [6, 'Error: gw1: its shell prints too much text'])
    assert.ok(time < 5000, `${time} ms`)
    assert.deepEqual(hosts.running(), [])
  })

  it('has a banner and floods standard error: it is used', async () => {
    await world('gw1').startSession('alice', 'cert')
    const flood = String.raw`echo "Authorized users only" >&2; head -c 2000000 /dev/zero | tr '\0' x >&2`
    hosts.add('gw1', world('gw1'), {before: flood})
    const {status, stderr, stdout} = await run('list -H gw1')
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /Config name: cert$/m)
    hosts.script('gw1', `${flood}\n${failures['a denied login']}`)
    const denied = await run('list -H gw1')
    assert.deepEqual([denied.status, denied.stderr.length < 1000], [6, true])
    assert.match(denied.stderr, /permission denied/)
  })

  it('dies in the middle of a call: the command ends at once', async () => {
    await world('gw1').startSession('alice', 'cert')
    world('gw1').intercept(({message}) => (message.member === 'Pause' ? signalAll('SIGKILL') : undefined))
    const {status, stderr, time} = await run('pause cert -H gw1')
    assert.ok(time < 5000, `${time} ms`)
    assert.equal(status, 6)
    assert.match(stderr, /^Error: .*ssh was killed/m)
  })

  it('goes silent in the middle of a call: the command ends after 15 s', async () => {
    await world('gw1').startSession('alice', 'cert')
    world('gw1').intercept(({message}) => (message.member === 'Pause' ? signalAll('SIGSTOP') : undefined))
    const {status, stderr, time} = await run('pause cert -H gw1')
    assert.ok(time < 20_000, `${time} ms`)
    assert.equal(status, 6)
    assert.match(stderr, /no answer within 10 s/)
    assert.deepEqual(hosts.running(), [])
  })

  it('cannot be reached at all without ssh', async () => {
    const {status, stderr} = await run('list -H gw1', {env: {OVPN3_SSH: '/nowhere/ssh'}})
    assert.deepEqual([status, stderr], [6, 'Error: gw1: cannot run /nowhere/ssh: ENOENT\nCheck OVPN3_SSH\n'])
    const unset = await run('list -H gw1', {env: {OVPN3_SSH: '', PATH: '/nowhere'}})
    assert.deepEqual([unset.status, unset.stderr], [6, 'Error: gw1: cannot run ssh: ENOENT\nInstall openssh-client\n'])
  })
})
