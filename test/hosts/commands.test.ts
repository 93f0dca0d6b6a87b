import assert from 'node:assert/strict'
import {after, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {until, userFile} from '../support/cli'
import {slowTimers} from '../support/clock'
import {fleet, Hosts} from '../support/hosts'
import {document} from '../support/schemas'
import {skipTerminal, terminals} from '../support/terminal'
import {missingTools} from '../support/tools'
import {short} from '../support/world'

const skip = missingTools('systemd-stdio-bridge')

interface Listed {
  readonly sessions: readonly {
    readonly config: string
    readonly host: string
    readonly owner: {readonly name: string; readonly uid: number}
  }[]
}

interface Results {
  readonly errors?: readonly {readonly message: string; readonly source: string}[]
  readonly sessions: readonly {readonly host: string; readonly message: string; readonly outcome: string}[]
}

describe('commands over hosts', {skip}, () => {
  const {hosts, run, world} = fleet('gw1', 'gw2')
  const both = '-H gw1 -H gw2'
  const start = (host: string, profile: 'cert' | 'cert2') => world(host).startSession('alice', profile)

  it('list the sessions of two hosts: table, records, JSON', async () => {
    const paths = [await start('gw1', 'cert'), await start('gw2', 'cert2')]
    const table = await run(`list ${both} --format=table`)
    assert.deepEqual([table.status, table.stderr], [0, ''])
    const [header, ...rows] = table.stdout.trimEnd().split('\n')
    assert.match(header!, /^HOST +ID +CONFIG +STATUS /)
    assert.deepEqual(rows.map((row) => row.split(/ +/).slice(0, 4).join(' ')).sort(), [
      `gw1 ${short(paths[0]!)} cert connected`,
      `gw2 ${short(paths[1]!)} cert2 connected`,
    ])

    const {status, stdout} = await run(`list ${both}`)
    assert.equal(status, 0)
    assert.deepEqual(
      [...stdout.matchAll(/^ +Host: (\S+)\n +Path: (\S+)$/gm)].map(([, host, path]) => [host, path]).sort(),
      [
        ['gw1', paths[0]],
        ['gw2', paths[1]],
      ],
    )

    const json = await run(`list ${both} --json`)
    const {sessions} = document<Listed>('sessions-list', json.stdout)
    assert.deepEqual(
      sessions.map(({config, host}) => [host, config]),
      [
        ['gw1', 'cert'],
        ['gw2', 'cert2'],
      ],
    )
    assert.deepEqual(hosts.running(), [])
  })

  it('list one host without a HOST column, and two without sessions', async () => {
    await start('gw1', 'cert')
    assert.match((await run('list -H gw1 --format=table')).stdout, /^ID /)
    assert.equal((await run(`list -H gw2 --format=table`)).stdout, 'No sessions available\n')
    assert.match((await run(`list ${both} --format=table --columns config`)).stdout, /^CONFIG\ncert\n$/)
    const {stdout} = await run(`list ${both} --format=table --filter host=gw2`)
    assert.doesNotMatch(stdout, /gw1/)
  })

  it('connect once to a host that is given twice, and name it as it is given', async () => {
    await start('gw1', 'cert')
    const {stdout} = await run('list -H admin@gw1:2222 -H admin@gw1:2222 --json')
    assert.deepEqual(
      document<Listed>('sessions-list', stdout).sessions.map(({host}) => host),
      ['admin@gw1:2222'],
    )
    const bridges = hosts.calls.filter(({words}) => words[0] === 'systemd-stdio-bridge')
    assert.deepEqual(
      bridges.map(({args}) => args.slice(-5).join(' ')),
      ['-p 2222 -- admin@gw1 systemd-stdio-bridge'],
    )
  })

  it('name the users of the host', async () => {
    hosts.add('gw1', world('gw1'), {passwd: [`remote:x:${world('gw1').uid('alice')}:`]})
    await start('gw1', 'cert')
    const {stdout} = await run('list -H gw1 --json')
    const [session] = document<Listed>('sessions-list', stdout).sessions
    assert.deepEqual(session?.owner, {name: 'remote', uid: world('gw1').uid('alice')})
    const paused = await run('pause cert -H gw1 --owner remote')
    assert.deepEqual([paused.status, paused.stderr], [0, ''])
  })

  it('name users who are logged in to the host without another ssh', async () => {
    const uid = world('gw1').uid('alice')
    hosts.add('gw1', world('gw1'), {passwd: []})
    await world('gw1').startLogind([{name: 'remote', uid}])
    await start('gw1', 'cert')
    const {stdout} = await run('list -H gw1 --json')
    const [session] = document<Listed>('sessions-list', stdout).sessions
    assert.deepEqual(session?.owner, {name: 'remote', uid})
    assert.equal((await run('pause cert -H gw1 --owner remote')).status, 0)
    assert.deepEqual(
      hosts.calls.map(({words}) => words.join(' ')),
      ['systemd-stdio-bridge', 'systemd-stdio-bridge'],
    )
    // what is no list of users is not taken for one
    for (const name of ['', String.raw`\u001b[31m`]) {
      await world('gw1').startLogind([{name, uid}])
      const odd = await run('list -H gw1')
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(odd.stdout, /\u001B/)
    }
  })

  it('say that a user cannot be looked up where that matters, and show the others', async () => {
    const uid = world('gw1').uid('alice')
    hosts.add('gw1', world('gw1'), {passwd: [`remote:x:${uid}:`]})
    hosts.script('gw2', 'case $* in getent*) exec sleep 1000; esac\n' + hosts.scriptOf('gw2'))
    await start('gw1', 'cert')
    await start('gw2', 'cert2')
    const listed = await run(`list ${both} --connect-timeout 2 --json`)
    const owners = document<Listed>('sessions-list', listed.stdout).sessions.map(({host, owner}) => [host, owner])
    assert.deepEqual(owners, [
      ['gw1', {name: 'remote', uid}],
      ['gw2', {name: null, uid}],
    ])
    assert.equal(listed.status, 0)
    for (const line of ['list --filter owner=remote', 'stats --all --owner remote']) {
      const {status, stderr, stdout} = await run(`${line} ${both} --connect-timeout 2`)
      assert.match(stderr, /^Error: gw2: cannot look up user \w+ on gw2\nPass the uid, or run `ssh gw2 getent passwd/)
      assert.deepEqual([status, /cert\b/.test(stdout), /cert2/.test(stdout)], [3, true, false], stdout)
    }

    const single = await run('list -H gw2 --filter owner=remote --connect-timeout 2')
    assert.equal(single.status, 1, single.stderr)
  })

  it('list the sessions of a user on the hosts that answer', async () => {
    hosts.add('gw1', world('gw1'), {passwd: [`remote:x:${world('gw1').uid('alice')}:`]})
    await start('gw1', 'cert')
    hosts.fail('gw2', 'a refused connection')
    const {status, stderr, stdout} = await run(`stats --all --owner remote ${both} --json`)
    const {errors, sessions} = document<Results>('session-stats-all', stdout)
    assert.deepEqual(
      [status, stderr, sessions.length, errors?.map(({message, source}) => `${source}: ${message}`)],
      [3, '', 1, ['gw2: connection refused']],
    )
  })

  it('say that two of them are the same machine', async () => {
    hosts.add('gw2', world('gw1'))
    await start('gw1', 'cert')
    const {status, stderr} = await run(`pause cert ${both}`)
    assert.deepEqual(
      [status, stderr.trimEnd().split('\n').at(-1)],
      [4, 'These hosts are the same machine: pass one of them only'],
      stderr,
    )
  })

  it('have hints for them', async () => {
    const hintOf = async (line: string) => {
      const {status, stderr} = await run(line)
      assert.notEqual(status, 0)
      return stderr.trimEnd().split('\n').slice(1).join('\n')
    }

    assert.match(await hintOf('start nosuch -H gw1'), /`ssh gw1 openvpn3 configs-list`/)
    assert.match(await hintOf(`start nosuch ${both}`), /`ssh HOST openvpn3 configs-list`/)
    assert.match(await hintOf('acl -H gw1'), /`ovpn3 list --host gw1`/)
    assert.match(await hintOf(`acl ${both}`), /`ovpn3 list --host gw1 --host gw2`/)
  })

  it('reject invalid hosts before they start ssh', async () => {
    for (const host of ['-oProxyCommand=id', '$(id)', 'a;b', 'gw1:0', 'gw1:99999', '', 'a@b@', '2001:db8::1', "'"]) {
      const {status, stderr} = await run(`list --host=${host}`)
      assert.deepEqual([status, stderr.split('\n')[0]], [2, `Error: --host: invalid host: "${host}"`])
    }

    for (const line of ['list --connect-timeout 5', 'list -H gw1 --connect-timeout 0', 'list -H'])
      assert.equal((await run(line)).status, 2, line)
    assert.deepEqual(hosts.calls, [])
  })

  it('act on the only match, and on none of two', async () => {
    const [first, second, other] = [await start('gw1', 'cert'), await start('gw2', 'cert'), await start('gw2', 'cert2')]
    const unique = await run(`pause cert2 ${both}`)
    assert.deepEqual([unique.status, unique.stderr], [0, ''])
    assert.match(unique.stdout, new RegExp(`^gw2:cert2 \\(${short(other)}\\): paused$`, 'm'))

    const {status, stderr} = await run(`pause cert ${both}`)
    assert.equal(status, 4)
    const lines = stderr.trimEnd().split('\n')
    assert.equal(lines[0], 'Error: "cert" matches 2 sessions')
    assert.match(lines[1]!, new RegExp(`^ +gw1 +${short(first)} +cert `))
    assert.match(lines[2]!, new RegExp(`^ +gw2 +${short(second)} +cert `))
    for (const [host, path] of [
      ['gw1', first],
      ['gw2', second],
    ] as const)
      assert.equal(world(host).status(path)[1], 7)
    const byId = await run(`pause ${both} --path ${short(second)}`)
    assert.deepEqual([byId.status, world('gw1').status(first)[1], world('gw2').status(second)[1]], [0, 7, 14])
  })

  it('do not guess while a host is down', async () => {
    const path = await start('gw1', 'cert')
    hosts.fail('gw2', 'a refused connection')
    const {status, stderr} = await run(`pause cert ${both}`)
    assert.deepEqual(
      [status, stderr],
      [6, 'Error: gw2: connection refused\nOmit the host to select among the others\n'],
    )
    assert.equal(world('gw1').status(path)[1], 7)
  })

  it('act on all sessions of the hosts that answer', async () => {
    const path = await start('gw1', 'cert')
    await start('gw1', 'cert2')
    hosts.fail('gw2', 'a refused connection')
    assert.equal((await run(`pause --all ${both}`)).status, 2)
    assert.equal(world('gw1').status(path)[1], 7)
    const {status, stderr, stdout} = await run(`pause --all --yes ${both} --json`)
    const {errors, sessions} = document<Results>('session-manage', stdout)
    assert.deepEqual([status, stderr, errors?.map(({source}) => source)], [3, '', ['gw2']])
    assert.deepEqual(
      sessions.map(({host, message, outcome}) => [host, message, outcome]),
      [
        ['gw1', 'paused', 'done'],
        ['gw1', 'paused', 'done'],
      ],
    )
    const text = await run(`disconnect --all --yes ${both}`)
    assert.equal(text.status, 3)
    assert.match(text.stderr, /^Error: gw2: connection refused$/m)
    assert.deepEqual(await world('gw1').sessions(), [])
  })

  it('act on all sessions of two hosts', async () => {
    await start('gw1', 'cert')
    await start('gw2', 'cert')
    const {status, stderr, stdout} = await run(`disconnect --all --yes ${both}`)
    assert.deepEqual([status, stderr], [0, ''])
    for (const host of ['gw1', 'gw2']) {
      assert.match(stdout, new RegExp(`^${host}:cert \\(\\w{8}\\): disconnected`, 'm'))
      assert.deepEqual(await world(host).sessions(), [])
    }
  })

  it('watch on if a host dies, and report it once', async () => {
    await start('gw1', 'cert')
    await start('gw2', 'cert2')
    for (const format of ['text', 'json']) {
      const {status, stderr, stdout} = await run(`list ${both} --watch --format=${format}`, {
        async during(child, output) {
          await until('both are listed', () => /gw1/.test(output()) && /gw2/.test(output()))
          for (const pid of hosts.running('gw1')) process.kill(pid, 'SIGKILL')
          await until('the failure is reported', () => output().includes('ssh was killed'))
          await world('gw2').startSession('alice', 'dead', {until: 'started'})
          await until('the other goes on', () => output().includes('dead'))
          // longer than a poll
          await sleep(2500)
          child.kill('SIGINT')
        },
        openStdin: true,
      })
      assert.equal(status, 130)
      assert.equal(stderr.match(/ssh was killed/g)?.length, 1, stderr)
      assert.match(stderr, /^Error: gw1: /m)
      assert.match(stdout, /dead/)
      assert.match(stdout, format === 'json' ? /"event":"lost"/ : / {2}lost {5}.*cert/)
      assert.doesNotMatch(stdout, /removed/)
      assert.deepEqual(hosts.running(), [])
      await world('gw2').reset()
      await start('gw2', 'cert2')
    }
  })

  it('end a watch if its only host dies', async () => {
    await start('gw1', 'cert')
    const {status, stderr} = await run('list -H gw1 --watch', {
      async during(_, output) {
        await until('it is listed', () => output().includes('cert'))
        for (const pid of hosts.running('gw1')) process.kill(pid, 'SIGKILL')
      },
      openStdin: true,
    })
    assert.equal(status, 6)
    assert.match(stderr, /^Error: .*ssh was killed$/m)
  })

  it('export metrics with the host, and whether it is up', async () => {
    const path = await start('gw1', 'cert')
    hosts.fail('gw2', 'an unknown name')
    const {status, stderr, stdout} = await run(`stats --format=prometheus ${both}`)
    assert.equal(status, 3)
    assert.match(stderr, /^Error: gw2: unknown host$/m)
    assert.match(stdout, /^openvpn3_host_up\{host="gw1"\} 1\nopenvpn3_host_up\{host="gw2"\} 0$/m)
    assert.match(stdout, /^openvpn3_sessions\{host="gw1"\} 1$/m)
    const samples = stdout.split('\n').filter((line) => line.includes('{') && line.includes('session='))
    assert.ok(samples.length > 3)
    for (const sample of samples) assert.match(sample, new RegExp(`\\{host="gw1",session="${path.split('/').at(-1)}"`))
  })

  it('export metrics even if no host is up', async () => {
    for (const host of ['gw1', 'gw2']) hosts.fail(host, 'a refused connection')
    const {status, stdout} = await run(`stats --format=prometheus ${both}`)
    assert.equal(status, 6)
    assert.match(stdout, /^openvpn3_host_up\{host="gw1"\} 0\nopenvpn3_host_up\{host="gw2"\} 0\n$/m)
    assert.doesNotMatch(stdout, /openvpn3_sessions/)
  })

  it('show the counters of all hosts', async () => {
    await start('gw1', 'cert')
    await start('gw2', 'cert')
    const {stdout} = await run(`stats --all ${both}`)
    assert.deepEqual(
      [...stdout.matchAll(/^(gw\d:cert) \(\w{8}\):/gm)].map(([, label]) => label),
      ['gw1:cert', 'gw2:cert'],
    )
    document('session-stats-all', (await run(`stats --all ${both} --json`)).stdout)
  })

  it('start a session with credentials from standard input and from a file', async () => {
    const {status, stderr, stdout} = await run('start pass -H gw1 --timeout 20', {input: 'vpnuser\nsecret\n'})
    assert.deepEqual([status, stderr], [0, ''], stdout)
    assert.match(stdout, /^gw1:pass \(\w{8}\): connected to /m)
    const file = userFile(world('gw2'), 'alice', 'credentials', 'vpnuser\nsecret\n')
    const second = await run(`start pass -H gw2 --timeout 20 --credentials ${file} --json`)
    assert.equal(second.status, 0, second.stdout)
    document('session-start', second.stdout)
    for (const host of ['gw1', 'gw2']) assert.equal((await world(host).sessions()).length, 1)
  })

  it('do not start a profile that several hosts have', async () => {
    const {status, stderr} = await run(`start cert ${both}`)
    assert.equal(status, 4)
    assert.match(
      stderr,
      /^Error: 2 profiles are named "cert"\n +gw\d +cert .*\n +gw\d +cert .*\nPass one of these hosts only\n/,
    )
    for (const host of ['gw1', 'gw2']) assert.deepEqual(await world(host).sessions(), [])
  })

  it('follow a log until a status', async () => {
    const path = await world('gw1').startSession('alice', 'cert')
    world('gw1').pause(path)
    const {status, stdout} = await run('log cert -H gw1 --until connected --timeout 20', {
      async during(_, output) {
        await until('the session is found', () => output().includes('found:'))
        assert.equal((await run('resume cert -H gw1')).status, 0)
      },
      openStdin: true,
    })
    assert.equal(status, 0)
    assert.match(stdout, /gw1:cert \(\w{8}\)/)
  })

  it('grant access to users of the host', async () => {
    const path = await start('gw1', 'cert')
    hosts.add('gw1', world('gw1'), {passwd: ['remote:x:4242:', `me:x:${world('gw1').uid('alice')}:`]})
    const granted = await run('acl cert -H gw1 --grant remote')
    assert.deepEqual([granted.status, granted.stdout], [0, 'Granted access to remote (uid 4242)\n'])
    assert.deepEqual(world('gw1').state(path).acl, [4242])
    const shown = await run('acl cert -H gw1 --show')
    assert.match(shown.stdout, /\(4242\) +remote$/m)
    // root exists on this machine only
    const {status, stderr} = await run('acl cert -H gw1 --grant root')
    assert.equal(status, 2)
    assert.match(stderr, /no such user: "root"/)
  })

  it('complete the values of a host', async () => {
    await start('gw1', 'cert')
    await start('gw2', 'cert2')
    const complete = async (current: string, ...words: readonly string[]) =>
      (await run(['--complete', 'zsh', current, ...words].join(' '), {env: slowTimers(20)})).stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t')[0])
    assert.deepEqual(await complete('cert', 'pause', '-H', 'gw1', '--config'), ['cert'])
    assert.deepEqual(await complete('cert', 'pause', '-H', 'gw2', '--config'), ['cert2'])
    assert.deepEqual((await complete('cert', 'pause', '-H', 'gw1', '--host', 'gw2', '--config')).sort(), [
      'cert',
      'cert2',
    ])
    hosts.fail('gw2', 'a refused connection')
    assert.deepEqual(await complete('cert', 'pause', '-H', 'gw1', '-H', 'gw2', '--config'), ['cert'])
    assert.ok(hosts.calls.every(({args}) => args.includes('BatchMode=yes')))
    userFile(world('gw1'), 'alice', '.ssh/config', 'Host gw1 gw2\n  User admin\nHost *.example\n')
    assert.deepEqual(await complete('gw', 'list', '-H'), ['gw1', 'gw2'])
    assert.deepEqual(await complete('root@gw', 'list', '-H'), ['root@gw1', 'root@gw2'])
  })
})

describe('questions of ssh on a terminal', {skip: skip || skipTerminal()}, () => {
  const terminal = terminals()
  const hosts = new Hosts()
  after(() => hosts.close())

  it('are asked by the command, and the password is not shown', async () => {
    await terminal.world.startSession('alice', 'cert')
    hosts.add('gw1', terminal.world, {
      before: `answer=$("$SSH_ASKPASS" "admin@gw1's password: ") || exit 255
[ "$answer" = secret ] || { echo "admin@gw1: Permission denied (password)." >&2; exit 255; }`,
    })
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1', 'Enter')
    await screen.shows(/admin@gw1's password/)
    await screen.type('secret', 'Enter')
    const shown = await screen.shows(/\[status 0\]/)
    assert.match(shown, /cert +connected/)
    assert.doesNotMatch(shown, /secret/)
  })

  it('can be answered with an empty line', async () => {
    hosts.script('gw1', `echo "<$("$SSH_ASKPASS" "Passphrase: ")>" >&2; exit 255`)
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1', 'Enter')
    await screen.shows(/Passphrase/)
    await screen.type('Enter')
    await screen.shows(/Error: gw1: <>/)
  })

  it('wait for the answers to other questions', async () => {
    hosts.add('gw1', terminal.world, {
      before: '( sleep 1; "$SSH_ASKPASS" "Late (yes/no)? " </dev/null >/dev/null 2>&1 ) &',
    })
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 start pass -H gw1', 'Enter')
    await screen.shows(/User name:/)
    await sleep(2000)
    await screen.type('vpnuser', 'Enter')
    assert.doesNotMatch(await screen.shows(/Password:/), /Late/)
    await screen.type('secret', 'Enter')
    const shown = await screen.shows(/Late|\[status 0\]/)
    assert.doesNotMatch(shown, /secret/)
  })

  it('can be cancelled with Ctrl-C', async () => {
    hosts.script('gw1', `"$SSH_ASKPASS" "Password: " || exit 255; exit 0`)
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1', 'Enter')
    await screen.shows(/Password/)
    await screen.type('C-c')
    await screen.shows(/\[status 130\]/)
    await until('ssh has ended', () => hosts.running().length === 0)
  })
})
