import type {Account, Host} from '@ovpn3/sessions'

import {hostOf, Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, mkdirSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, beforeEach, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {remotes} from '../../src/lib/ssh'
import {hostError} from '../../src/lib/ssh/failure'
import {Slots} from '../../src/lib/ssh/slots'
import {openChannel} from '../../src/lib/ssh/ssh'
import {HostUsers} from '../../src/lib/ssh/users'
import {until} from '../support/cli'
import {Hosts} from '../support/hosts'
import {repository} from '../support/repository'

const gw1 = hostOf('gw1')
/** An answer that the user does not give. */
const never = 'never'

/** Hosts for the processes of this process. */
function ownHosts(): Hosts {
  const hosts = new Hosts()
  const {OVPN3_SSH} = process.env
  before(() => {
    process.env.OVPN3_SSH = hosts.env.OVPN3_SSH
  })
  beforeEach(() => hosts.forget())
  after(() => {
    if (OVPN3_SSH === undefined) delete process.env.OVPN3_SSH
    else process.env.OVPN3_SSH = OVPN3_SSH
    hosts.close()
  })
  return hosts
}

describe('ssh', () => {
  const hosts = ownHosts()

  async function argumentsFor(host: string, options: Partial<Parameters<typeof openChannel>[2]> = {}) {
    hosts.forget()
    hosts.script('gw1', 'exit 0')
    hosts.script('2001:db8::1', 'exit 0')
    const channel = await openChannel(hostOf(host), ['systemd-stdio-bridge'], {connectTimeout: 10, ...options})
    await channel.ended
    return hosts.calls[0]!.args.join(' ')
  }

  const settings = '-o ConnectTimeout=10 -o ServerAliveCountMax=2 -o ServerAliveInterval=5'

  it('gets the host behind --, the port as an option, and no terminal', async () => {
    assert.equal(await argumentsFor('gw1'), `-xT -o BatchMode=yes ${settings} -- gw1 systemd-stdio-bridge`)
    assert.equal(
      await argumentsFor('admin@gw1:2222'),
      `-xT -o BatchMode=yes ${settings} -p 2222 -- admin@gw1 systemd-stdio-bridge`,
    )
    assert.match(await argumentsFor('[2001:db8::1]:22'), / -p 22 -- 2001:db8::1 systemd-stdio-bridge$/)
  })

  it('may ask only if somebody answers', async () => {
    assert.match(await argumentsFor('gw1', {environment: {}}), /-o BatchMode=no /)
  })

  it('gets whole seconds', async () => {
    assert.match(await argumentsFor('gw1', {connectTimeout: 1.2}), /-o ConnectTimeout=2 /)
  })

  it('gets what is written, and what it prints is read', async () => {
    hosts.script('gw1', 'cat; echo "bye" >&2; exit 7')
    const {ended, stream} = await openChannel(gw1, ['x'], {connectTimeout: 10})
    let text = ''
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    stream.end('hello')
    const {message, status} = await ended
    assert.deepEqual([text, message, status], ['hello', 'systemd-stdio-bridge ended with status 7: bye', 7])
  })

  it('ends when it is closed, even if it ignores SIGTERM', async () => {
    for (const script of ['exec sleep 1000', "trap '' TERM; exec sleep 1000"]) {
      hosts.forget()
      hosts.script('gw1', script)
      const channel = await openChannel(gw1, ['x'], {connectTimeout: 10})
      await until('ssh runs', () => hosts.calls.length === 1)
      const started = performance.now()
      await channel.close()
      assert.ok(performance.now() - started < 2000)
      assert.deepEqual(hosts.running(), [])
    }
  })

  it('is not waited for if it cannot be ended', async (t) => {
    hosts.script('gw1', 'exec sleep 1000')
    const channel = await openChannel(gw1, ['x'], {connectTimeout: 10})
    await until('ssh runs', () => hosts.calls.length === 1)
    // as for a program of another user
    const denied = t.mock.method(ChildProcess.prototype, 'kill', function (this: ChildProcess) {
      this.emit('error', Object.assign(new Error('kill EPERM'), {code: 'EPERM'}))
      return false
    })
    const started = performance.now()
    await channel.close()
    assert.ok(performance.now() - started < 3000)
    assert.equal(denied.mock.callCount(), 2)
    denied.mock.restore()
    for (const pid of hosts.running()) process.kill(pid, 'SIGKILL')
    await until('ssh has ended', () => hosts.running().length === 0)
  })

  it('ends even if a process keeps its standard error open, as with ControlPersist', async () => {
    hosts.script('gw1', 'sleep 3 >/dev/null & echo "Connection refused" >&2; exit 255')
    const started = performance.now()
    const {ended} = await openChannel(gw1, ['x'], {connectTimeout: 10})
    assert.equal((await ended).message, 'connection refused')
    assert.ok(performance.now() - started < 2000)
  })
})

describe('error of an ssh that has ended', () => {
  const host = hostOf('admin@gw1:2222')
  const messageOf = (stderr: string, status: null | number = 255, of: Host = host) =>
    hostError(of, stderr, status).message

  const messages: Readonly<Record<string, string>> = {
    'admin@gw1: Permission denied (publickey).': 'permission denied (publickey)',
    'channel 0: open failed: administratively prohibited\nssh: too many sessions': 'too many sessions',
    'Connection timed out during banner exchange\nConnection to gw1 port 22 timed out': 'no answer',
    'Failed to connect to bus: No such file or directory': 'no system bus there',
    'Failed to set up bus connection: Permission denied': 'no system bus there',
    'kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22':
      'connection closed by the host',
    'client_loop: send disconnect: Broken pipe': 'connection closed by the host',
    'Connection to gw1 closed by remote host.': 'connection closed by the host',
    'Timeout, server gw1 not responding.': 'no answer',
    'ssh: connect to host gw1 port 2222: Network is unreachable': 'network is unreachable',
    'ssh: connect to host gw1 port 2222: No route to host': 'no route to host',
    'ssh: connect to host gw1 port 2222: Operation timed out': 'no answer',
    'ssh: Could not resolve hostname gw1: Temporary failure in name resolution': 'unknown host',
  }
  for (const [stderr, message] of Object.entries(messages))
    it(`is "${message}" for: ${stderr.replaceAll('\n', ' / ')}`, () => {
      assert.equal(messageOf(stderr), message)
      assert.equal(messageOf(`Welcome to gw1\r\n\r\n${stderr}\r\n`), message)
    })

  it('is a missing bridge for the status 127 of a shell', () => {
    for (const text of [
      'bash: line 1: systemd-stdio-bridge: command not found',
      'bash: Zeile 1: systemd-stdio-bridge: Kommando nicht gefunden.',
      'fish: Unknown command: systemd-stdio-bridge',
      'sh: 1: systemd-stdio-bridge: not found',
      'zsh:1: command not found: systemd-stdio-bridge',
    ])
      assert.equal(messageOf(text, 127), 'systemd-stdio-bridge is not installed there')
  })

  it('is the exit status or the signal if it printed nothing', () => {
    assert.equal(messageOf(''), 'ssh ended with status 255')
    assert.equal(messageOf(' \n\n', 1), 'systemd-stdio-bridge ended with status 1')
    assert.equal(messageOf('', null), 'ssh was killed')
  })

  it('has a hint with the login', () => {
    assert.match(hostError(host, 'Permission denied (publickey)', 255).hint, /`ssh -p 2222 admin@gw1`/)
    assert.equal(hostError(hostOf('[::1]'), '', 255).hint, 'Run `ssh ::1`')
  })

  it('contains no control characters', () => {
    assert.equal(messageOf('a\u001B]0;title\u0007b\u001B[31mc\u0000\r\u202Ed\n'), 'abc d')
  })
})

describe('users of a host', () => {
  const hosts = ownHosts()
  const options = {connectTimeout: 10}
  const passwd = ['alice:x:1001:1001:Alice:/home/alice:/bin/sh', 'bob.b:x:1002:1002::/:/bin/sh']
  let users: HostUsers
  let loggedIn: readonly Account[]
  beforeEach(() => {
    loggedIn = []
    hosts.add('gw1', {busAddress: ''}, {passwd})
    users = new HostUsers(gw1, options, async () => loggedIn)
  })

  it('are not looked up if they are logged in', async () => {
    loggedIn = [{fullName: '', name: 'alice', uid: 1001}]
    assert.deepEqual([await users.nameOf(1001), await users.uidOf('alice')], ['alice', 1001])
    assert.deepEqual(hosts.calls, [])
    assert.equal(await users.nameOf(1002), 'bob.b')
  })

  it('are unknown if the host cannot be reached', async () => {
    const lost = new Ovpn3Error('host-unreachable', 'connection refused')
    users = new HostUsers(gw1, options, () => Promise.reject(lost))
    await assert.rejects(users.nameOf(1001), lost)
    await assert.rejects(users.uidOf('alice'), lost)
    assert.deepEqual(hosts.calls, [])
  })

  it('are looked up there, with one command for those of one moment', async () => {
    const found = await Promise.all([
      users.nameOf(1001),
      users.nameOf(1002),
      users.nameOf(4),
      users.uidOf('bob.b'),
      users.uidOf('root'),
    ])
    assert.deepEqual(found, ['alice', 'bob.b', undefined, 1002, undefined])
    assert.deepEqual(
      hosts.calls.map(({words}) => words.join(' ')),
      ['getent passwd 1001 1002 4 bob.b root'],
    )
  })

  it('are looked up once, and together if a lookup is running', async () => {
    hosts.script('gw1', `sleep 0.3; shift 2; for key; do echo "user$key:x:$key:"; done`)
    const first = users.nameOf(1)
    await until('the lookup runs', () => hosts.calls.length === 1)
    const names = await Promise.all([first, users.nameOf(2), users.nameOf(3), users.nameOf(1)])
    assert.deepEqual(names, ['user1', 'user2', 'user3', 'user1'])
    await users.nameOf(2)
    assert.deepEqual(
      hosts.calls.map(({words}) => words.join(' ')),
      ['getent passwd 1', 'getent passwd 2 3'],
    )
  })

  it('cannot have a name that a shell interprets: it is not sent', async () => {
    for (const name of ['', '-h', '$(id)', 'a b', 'a;b', "a'b", 'a\nb', '+0', '~root', 'a*'])
      assert.equal(await users.uidOf(name), undefined, name)
    assert.deepEqual(hosts.calls, [])
  })

  it('need no lookup by uid', async () => {
    assert.deepEqual(await Promise.all(['0', '42', '4294967295'].map((uid) => users.uidOf(uid))), [0, 42, undefined])
    assert.deepEqual(hosts.calls, [])
  })

  for (const [what, script] of Object.entries({
    'getent is missing': 'echo "sh: getent: not found" >&2; exit 127',
    'ssh fails': 'exit 255',
    'ssh is silent': "trap '' TERM; exec sleep 1000",
  }))
    it(`are unknown if ${what}: that is an error`, async () => {
      hosts.script('gw1', script)
      users = new HostUsers(gw1, {connectTimeout: 0.1}, async () => loggedIn)
      const started = performance.now()
      await Promise.all([
        assert.rejects(users.nameOf(1001), {code: 'failed', message: 'cannot look up user 1001 on gw1'}),
        assert.rejects(users.uidOf('alice'), {
          code: 'failed',
          hint: 'Pass the uid, or run `ssh gw1 getent passwd alice` to find out why',
          message: 'cannot look up user alice on gw1',
        }),
      ])
      assert.ok(performance.now() - started < 8000)
      await until('ssh has ended', () => hosts.running().length === 0)
    })

  it('are not taken from other output', async () => {
    hosts.script('gw1', 'echo "Welcome: to :1001:"; echo ":x:1001:"; echo "alice:x:none:"; echo "1001:x:5:"')
    assert.equal(await users.uidOf('alice'), undefined)
  })
})

describe('slots', () => {
  it('limit the work at a time, in the order in which it was given', async () => {
    const slots = new Slots(2)
    const log: string[] = []
    const work = (name: string, ms: number) =>
      slots.run(async () => {
        log.push(`+${name}`)
        await sleep(ms)
        log.push(`-${name}`)
        if (name === 'b') throw new Error('b fails')
      })
    const ends = await Promise.allSettled([work('a', 60), work('b', 20), work('c', 100), work('d', 1), work('e', 1)])
    assert.deepEqual(
      ends.map(({status}) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
    )
    assert.deepEqual(
      log.filter((each) => each.startsWith('+')),
      ['+a', '+b', '+c', '+d', '+e'],
    )
    let running = 0
    for (const each of log) {
      running += each.startsWith('+') ? 1 : -1
      assert.ok(running <= 2)
    }
  })
})

describe('questions of ssh', () => {
  const hosts = ownHosts()
  const program = path.join(repository, 'bin', 'askpass.js')
  const asked: {readonly hidden: boolean; readonly text: string}[] = []
  const notices: string[] = []
  let answers: (string | undefined)[] = []
  const asker = {
    async ask(question: {readonly hidden: boolean; readonly text: string}, signal: AbortSignal) {
      asked.push(question)
      const answer = answers.shift()
      if (answer === never) await once(signal, 'abort')
      await sleep(20)
      signal.throwIfAborted()
      if (answer === undefined) throw new Error('cancelled')
      return answer
    },
    notice: (text: string) => void notices.push(text),
  }
  afterEach(() => {
    for (const list of [asked, notices]) list.length = 0
    answers = []
  })

  /** Connects, with a script that plays ssh and prints its result on standard error. */
  async function ask(script: string): Promise<string> {
    hosts.script('gw1', `${script}\nexit 255`)
    const [remote] = remotes(['gw1'], {askpass: {asker, program}, connectTimeout: 5})
    const {ended} = await remote!.channel()
    return (await ended).message
  }

  const question = (text: string) => `"$SSH_ASKPASS" "${text}"`

  it('are answered by the user, a password without echo', async () => {
    answers = ['p ä$"s\'']
    assert.equal(await ask(`printf 'got <%s>' "$(${question("alice@gw1's password: ")})" >&2`), 'got <p ä$"s\'>')
    assert.deepEqual(asked, [{hidden: true, text: "alice@gw1's password"}])
    assert.deepEqual(notices, [])
    assert.match(hosts.calls[0]!.args.join(' '), /BatchMode=no/)
  })

  it('about a host key are answered in view, and its fingerprint is shown', async () => {
    answers = ['yes']
    const key = `The authenticity of host 'gw1' can't be established.
ED25519 key fingerprint is SHA256:abc.
Are you sure you want to continue connecting (yes/no/[fingerprint])? `
    assert.equal(await ask(`echo "got $(${question(key)})" >&2`), 'got yes')
    assert.deepEqual(
      asked.map(({hidden}) => hidden),
      [false],
    )
    assert.match(asked[0]!.text, /^Are you sure you want to continue connecting \(yes\/no\/\[fingerprint\]\)\?? ?$/)
    assert.deepEqual(notices, [
      "The authenticity of host 'gw1' can't be established.",
      'ED25519 key fingerprint is SHA256:abc.',
    ])
  })

  it('to touch a key are notices, which stay until ssh ends them', async () => {
    const touch = `SSH_ASKPASS_PROMPT=none ${question('Confirm user presence for key ED25519-SK')} & pid=$!
sleep 0.5; kill $pid; wait $pid; echo "touched $?" >&2`
    assert.equal(await ask(touch), 'touched 143')
    assert.deepEqual([notices, asked], [['Confirm user presence for key ED25519-SK'], []])
  })

  it('to allow the use of a key are answered in view', async () => {
    answers = ['yes']
    assert.equal(
      await ask(`echo "got $(SSH_ASKPASS_PROMPT=confirm ${question('Allow use of key office?')})" >&2`),
      'got yes',
    )
    assert.deepEqual(asked, [{hidden: false, text: 'Allow use of key office (yes/no)'}])
  })

  it('end if ssh ends their program, and the next one is asked', async () => {
    answers = [never, '1234']
    const script = `${question('Password: ')} & pid=$!; sleep 0.5; kill $pid; wait $pid; echo "got $(${question('PIN: ')})" >&2`
    assert.equal(await ask(script), 'got 1234')
    assert.equal(asked.length, 2)
  })

  it('run the programs that are first in PATH', async () => {
    assert.equal(await ask('echo "$PATH" >&2'), `${process.env.PATH}:${path.dirname(process.execPath)}`)
  })

  for (const [what, folder] of Object.entries({
    'has a long path': path.join(tmpdir(), 'x'.repeat(100)),
    'is missing': '/nowhere/at/all',
  }))
    it(`have a socket in a private folder if the temporary folder ${what}`, async (t) => {
      const {TMPDIR} = process.env
      t.after(() => {
        if (TMPDIR === undefined) delete process.env.TMPDIR
        else process.env.TMPDIR = TMPDIR
        rmSync(folder, {force: true, recursive: true})
      })
      if (!folder.startsWith('/nowhere')) mkdirSync(folder)
      process.env.TMPDIR = folder
      hosts.script(
        'gw1',
        'dirname "$OVPN3_ASKPASS_SOCKET" >&2; ls -A "$(dirname "$OVPN3_ASKPASS_SOCKET")" >&2; exit 255',
      )
      const [remote] = remotes(['gw1'], {askpass: {asker, program}, connectTimeout: 5})
      if (folder.startsWith('/nowhere'))
        await assert.rejects(remote!.channel(), {
          hint: 'Check TMPDIR',
          message: `cannot create a folder in ${folder}: ENOENT`,
        })
      else assert.equal((await (await remote!.channel()).ended).message, 'askpass')
    })

  it('are asked one at a time', async () => {
    answers = ['1', '2', '3']
    const script = `for n in 1 2 3; do ${question('$n: ')} >>"$folder/answers-$$" & done; wait
echo got $(sort "$folder/answers-$$") >&2`
    assert.equal(await ask(script), 'got 1 2 3')
    assert.equal(asked.length, 3)
  })

  it('fail if the user cancels', async () => {
    assert.equal(await ask(`${question('Password: ')} >&2; echo "status $?" >&2`), 'status 1')
  })

  it('cannot change the terminal', async () => {
    answers = ['x']
    await ask(question(String.raw`$(printf '\033[2Jtitle\007\n\033[31mPassword:')`))
    assert.doesNotMatch(JSON.stringify([asked, notices]), /\\u00/)
  })

  it('are not possible after ssh has ended: nothing is left', async () => {
    hosts.script('gw1', 'echo "$OVPN3_ASKPASS_SOCKET" >&2; exit 255')
    const [remote] = remotes(['gw1'], {askpass: {asker, program}, connectTimeout: 5})
    const {ended} = await remote!.channel()
    const {message: socket} = await ended
    assert.match(socket, /askpass$/)
    await until('the folder is removed', () => !existsSync(path.dirname(socket)))
  })

  it('are dropped if they are too long', async () => {
    answers = ['x', 'x']
    const long = `"$(head -c 9000 /dev/zero | tr '\\0' x)"`
    assert.equal(await ask(`"$SSH_ASKPASS" ${long}; echo "status $?" >&2`), 'status 1')
    assert.deepEqual([asked, notices], [[], []])
  })

  it('reach nobody without a terminal', async () => {
    hosts.script('gw1', 'echo "askpass: $OVPN3_ASKPASS_SOCKET" >&2; exit 255')
    const [remote] = remotes(['gw1'], {connectTimeout: 5})
    const {ended} = await remote!.channel()
    assert.equal((await ended).message, 'askpass:')
    assert.match(hosts.calls[0]!.args.join(' '), /BatchMode=yes/)
  })
})
