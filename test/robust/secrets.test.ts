import assert from 'node:assert/strict'
import {type ChildProcess, spawn} from 'node:child_process'
import {chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, beforeEach, describe, it} from 'node:test'

import {type Call, ServiceError, type Simulator, simulator, userPassword} from '../simulator/simulator'
import {asUser, cli, homeOf, ovpn3, projectJson, type RunOptions, until, userFile} from '../support/cli'
import {skipTerminal, terminals} from '../support/terminal'

const password = 'Zecret-Passw0rd-71'
const code = '918273645'
const passphrase = 'Open the k3y, please'
const secrets = [password, code, passphrase]

/** The secrets as text and in the usual encodings of bytes. */
const forms = secrets.flatMap((secret) => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    [...bytes].join(','),
    [...bytes].join(', '),
    bytes.toString('hex').replaceAll(/..(?=.)/g, '$& '),
  ]
})

function assertNoSecret(text: string, where: string): void {
  for (const form of forms) assert.equal(text.includes(form), false, `${form} is in ${where}:\n${text}`)
}

/** The data of a process and its children that its user or every user can read. */
function readable({pid}: ChildProcess | {pid: number}): string {
  const read = (file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'latin1')
    } catch {
      // The process has ended, or the file is not readable.
      return ''
    }
  }

  const children = read(`task/${pid}/children`).trim().split(' ').filter(Boolean)
  return [
    ...['cmdline', 'environ', 'comm', 'status', 'stat', 'maps'].map((file) => read(file)),
    ...children.map((child) => readable({pid: Number(child)})),
  ].join('\n')
}

/** The contents of all files in a folder. */
function contents(folder: string): string {
  return readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')
}

const withCode = {
  ...userPassword('vpnuser', password),
  challenge: {answer: code, hidden: true, question: 'The code on your token'},
}
const withKey = {
  answers: [passphrase],
  inputs: [{description: 'Private key passphrase', group: 3, hidden: true, id: 0, name: 'pk_passphrase'}],
  port: 1194,
}

describe('a secret', () => {
  let world: Simulator
  const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'without DEBUG': {},
    'with DEBUG=ovpn3:*': {DEBUG: 'ovpn3:*'},
    'with DEBUG=*': {DEBUG: '*'},
  }
  const prepare = async () => {
    world.addProfile('alice', 'code', withCode)
    world.addProfile('alice', 'sealed', withKey)
    world.addProfile('alice', 'slow', {...userPassword('vpnuser', password), port: undefined})
    for (const name of ['code', 'sealed', 'slow']) await world.startProfile('alice', name, {until: 'new'})
  }

  before(async () => {
    world = await simulator()
  })
  beforeEach(prepare)
  afterEach(async () => {
    rmSync(path.join(homeOf(world.uid('alice')), 'vault'), {force: true, recursive: true})
    await world.reset()
  })
  after(() => world.close())

  for (const [way, env] of Object.entries(ways)) {
    for (const [what, args, input, end, command = ['session-manage', '--resume']] of [
      ['right answers', '--config code --timeout 10', `vpnuser\n${password}\n${code}\n`, 0],
      ['right answers, as JSON', '--config code --timeout 10 --json', `vpnuser\n${password}\n${code}\n`, 0],
      ['a wrong code', '--config code --timeout 10', `vpnuser\n${password}\n${code}${code}\n`, 8],
      ['no code', '--config code --timeout 10 --json', `vpnuser\n${password}\n`, 8],
      ['a passphrase', '--config sealed --timeout 10', `${passphrase}\n`, 0],
      ['a wrong passphrase', '--config sealed --timeout 10 --json', `${passphrase}!\n`, 8],
      ['all of them', '--all --yes --timeout 2', `vpnuser\n${password}\n${passphrase}\n${password}\n`, undefined],
      ['secrets that are not required', '--config nope', `${secrets.join('\n')}\n`, 4],
      [
        'right answers to session-auth',
        '--config code --timeout 10',
        `vpnuser\n${password}\n${code}\n`,
        0,
        ['session-auth'],
      ],
      [
        'a wrong code for session-auth, as JSON',
        '--config code --timeout 10 --json',
        `vpnuser\n${password}\n${code}${code}\n`,
        8,
        ['session-auth'],
      ],
      ['no code for session-auth', '--config code', `vpnuser\n${password}\n`, 8, ['session-auth']],
      ['an answer with a NUL', '--config sealed --timeout 10', `${passphrase}\0\n`, 8],
    ] as const)
      it(`is not in the output, ${way}: ${what}`, async () => {
        const {status, stderr, stdout} = await ovpn3(world, 'alice', [...command, ...args.split(' ')], {
          env,
          input,
        })
        if (end !== undefined) assert.equal(status, end, stderr)
        assertNoSecret(stdout, 'stdout')
        assertNoSecret(stderr, 'stderr')
      })

    const json = JSON.stringify({dynamic_challenge: code, password, pk_passphrase: passphrase, username: 'vpnuser'})
    for (const [what, args, text, end] of [
      ['right answers', '--config code --timeout 10', json, 0],
      ['right answers, as JSON', '--config sealed --timeout 10 --json', json, 0],
      ['wrong answers', '--config code --timeout 10', `vpnuser\n${code}\n`, 8],
      ['too few answers', '--config code --timeout 10 --json', `vpnuser\n${password}`, 8],
      ['malformed JSON', '--config code --timeout 10', `{${json}`, 2],
      [
        'a number as a value',
        '--config code --timeout 10 --json',
        `{"${password}": "x", "dynamic_challenge": ${code}}`,
        2,
      ],
      ['an answer with a NUL', '--config sealed --timeout 10', JSON.stringify({pk_passphrase: `${passphrase}\0`}), 2],
      ['secrets that are not required', '--config nope', json, 4],
    ] as const)
      it(`from a credentials file is not in the output, ${way}: ${what}`, async () => {
        const file = userFile(world, 'alice', 'vault/credentials', text)
        const systemd = {CREDENTIALS_DIRECTORY: path.dirname(file)}
        for (const name of ['code', 'sealed']) userFile(world, 'alice', `vault/ovpn3.${name}`, text)
        for (const [more, where] of [
          [['--credentials', file], {}],
          [[], systemd],
        ] as const) {
          await world.reset()
          await prepare()
          const command = ['session-manage', '--resume', ...args.split(' '), ...more]
          const {status, stderr, stdout} = await ovpn3(world, 'alice', command, {env: {...env, ...where}})
          assert.equal(status, end, stderr)
          assertNoSecret(stdout, 'stdout')
          assertNoSecret(stderr, 'stderr')
        }
      })

    it(`is not visible in /proc while the command waits, ${way}`, async () => {
      let seen = ''
      const options: RunOptions = {
        async during(child) {
          const minors = async () => (await world.sessions()).map((path) => world.status(path)[1])
          await until('the command waits', async () => (await minors()).includes(6))
          seen = readable(child)
          child.kill('SIGINT')
        },
        env,
        input: `vpnuser\n${password}\n`,
      }
      const {status, stderr, stdout} = await ovpn3(
        world,
        'alice',
        'session-manage --resume --config slow --timeout 60'.split(' '),
        options,
      )
      assert.equal(status, 130)
      assert.match(seen, /session-manage/)
      assertNoSecret(seen, '/proc')
      assertNoSecret(stdout + stderr, 'the output')
    })
  }

  describe('from a plugin', () => {
    const plugin = (hook: string) => {
      userFile(world, 'alice', 'vault/plugin/hook.js', hook)
      userFile(
        world,
        'alice',
        'vault/plugin/package.json',
        '{"name": "secretive", "oclif": {"hooks": {"session-input": "./hook"}}}',
      )
      const root = path.dirname(userFile(world, 'alice', 'vault/plugin/oclif.manifest.json', '{"commands": {}}'))
      const plugins = [{name: 'secretive', root, type: 'link'}]
      const linked = userFile(world, 'alice', 'vault/data/ovpn3/package.json', JSON.stringify({oclif: {plugins}}))
      return {XDG_DATA_HOME: path.dirname(path.dirname(linked))}
    }

    const values = JSON.stringify({dynamic_challenge: code, password, pk_passphrase: passphrase, username: 'vpnuser'})
    for (const [what, hook, end] of [
      ['returns answers', `async () => (${values})`, 0],
      ['returns an invalid answer', `async () => [${values}, ${values}]`, 8],
      ['returns the output of its keyring', `async () => ${JSON.stringify(values)}`, 8],
      ['throws an error with the output of its keyring', `async () => JSON.parse(${JSON.stringify(`${values} 1`)})`, 8],
    ] as const)
      it(`is not in the output if the plugin ${what}`, async () => {
        for (const more of ['', ' --json']) {
          await world.reset()
          await prepare()
          const command = `session-manage --resume --config code --timeout 10${more}`.split(' ')
          const {status, stderr, stdout} = await ovpn3(world, 'alice', command, {
            env: plugin(`module.exports = ${hook}\n`),
          })
          assert.equal(status, end, stderr)
          if (end !== 0) assert.match(stderr, /secretive: (?:its answer to )?session-input/)
          assertNoSecret(stdout + stderr, 'the output')
        }
      })

    it('is not in the debug trace', async () => {
      const env = {...plugin(`module.exports = async () => (${values})\n`), DEBUG: '*'}
      const command = 'session-manage --resume --config code --timeout 10'.split(' ')
      const {status, stderr, stdout} = await ovpn3(world, 'alice', command, {env})
      assert.equal(status, 0, stderr)
      assertNoSecret(stdout + stderr, 'the output')
    })
  })

  for (const fault of ['crash', 'ignore', new ServiceError('org.freedesktop.DBus.Error.Failed', 'no')] as const)
    it(`is not in the output if UserInputProvide fails: ${fault instanceof ServiceError ? 'error' : fault}`, async () => {
      for (const more of [[], ['--json']]) {
        await world.reset()
        await prepare()
        world.intercept(({message}) => (message.member === 'UserInputProvide' ? fault : undefined))
        const {stderr, stdout} = await ovpn3(
          world,
          'alice',
          ['session-manage', '--resume', '--config', 'sealed', '--timeout', '5', ...more],
          {
            env: {DEBUG: '*'},
            input: `${passphrase}\n`,
            ...(fault === 'ignore' && {
              async during(child) {
                await until('the secret is sent', () => world.calls.byMember.has('UserInputProvide'))
                child.kill('SIGTERM')
              },
            }),
          },
        )
        assert.match(stderr, /UserInputProvide/)
        assertNoSecret(stdout + stderr, 'the output')
      }
    })

  describe('of a session that is started', () => {
    let folder: string
    let profile: string
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-secrets-'))
      chmodSync(folder, 0o755)
      profile = path.join(folder, 'office.ovpn')
      // The private key of a profile is also a secret.
      const text = world.profileText('cert').replace(/(<key>[^]*?)(?=\n-----END)/, `$1\n${code}`)
      writeFileSync(profile, `${text}setenv SECRET "${passphrase}"\n`)
    })
    after(() => rmSync(folder, {force: true, recursive: true}))

    for (const [way, env] of Object.entries(ways))
      for (const [what, args, input, end] of [
        ['right answers', 'other-code', `vpnuser\n${password}\n${code}\n`, 0],
        ['right answers, as JSON', 'other-code --foreground --json', `vpnuser\n${password}\n${code}\n`, 143],
        ['a wrong code', 'other-code', `vpnuser\n${password}\n${code}${code}\n`, 8],
        ['no code', 'other-code --json', `vpnuser\n${password}\n`, 8],
        ['a wrong passphrase', 'other-sealed --json', `${passphrase}!\n`, 8],
        ['a profile file', 'FILE', '', 0],
        ['a copy of a profile', 'saved --persist-tun --json', '', 0],
        ['a saved profile', 'saved --if-running=keep', '', 0],
      ] as const)
        it(`is not in the output, ${way}: ${what}`, async () => {
          world.addProfile('alice', 'other-code', withCode)
          world.addProfile('alice', 'other-sealed', withKey)
          world.importProfile('alice', 'saved', readFileSync(profile, 'utf8'))
          const words = args.split(' ').map((word) => (word === 'FILE' ? profile : word))
          const {status, stderr, stdout} = await ovpn3(world, 'alice', ['session-start', ...words], {
            async during(child, output) {
              if (!words.includes('--foreground')) return
              await until('the session is connected', () => output().includes('"started"'))
              child.kill('SIGTERM')
            },
            env,
            input,
          })
          assert.equal(status, end, stderr)
          assertNoSecret(stdout, 'stdout')
          assertNoSecret(stderr, 'stderr')
        })

    for (const [member, fault] of [
      ['Import', new ServiceError('org.freedesktop.DBus.Error.Failed', 'no')],
      ['Import', 'crash'],
      ['Validate', 'crash'],
      ['NewTunnel', new ServiceError('org.freedesktop.DBus.Error.Failed', 'no')],
    ] as const)
      it(`is not in the output if the start fails: ${member}, ${fault instanceof ServiceError ? 'error' : fault}`, async () => {
        const intercept = ({message}: Call) => (message.member === member ? fault : undefined)
        world.intercept(intercept)
        world.interceptConfigurations(intercept)
        const {status, stderr, stdout} = await ovpn3(world, 'alice', ['session-start', profile], {env: {DEBUG: '*'}})
        assert.notEqual(status, 0)
        assert.match(stderr, new RegExp(member))
        assertNoSecret(stdout + stderr, 'the output')
      })
  })

  it('is not stored in a file', async () => {
    const {HOME} = asUser(world, 'alice').env
    await ovpn3(world, 'alice', 'session-manage --resume --config sealed --timeout 9'.split(' '), {
      input: `${passphrase}\n`,
    })
    assertNoSecret(contents(HOME!), 'the home folder')
  })

  it('is not the value of any option, because it would be in argv', () => {
    const {commands} = projectJson('oclif.manifest.json') as {
      commands: Record<string, {flags: Record<string, unknown>}>
    }
    for (const {flags} of Object.values(commands))
      for (const name of Object.keys(flags).filter((name) => name !== 'credentials'))
        assert.doesNotMatch(name, /pass|secret|code|otp|token|credential|answer/)
  })
})

describe('a secret typed on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  it('is neither on the screen nor in the history of the shell', async () => {
    stage.world.addProfile('alice', 'code', {...withCode, port: 1195})
    await stage.world.startProfile('alice', 'code', {until: 'new'})
    const tty = await stage.open({jobs: true})
    await tty.type('ovpn3 session-manage --resume --config code --timeout 60', 'Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type(password, 'Enter')
    await tty.shows(/The code on your token:/)
    await tty.type(code, 'Enter')
    assertNoSecret(await tty.shows(/code \(\w{8}\): connected/), 'the screen')
    await tty.type('-R', 'history', 'Enter')
    const history = await tty.shows(/history\n>/)
    assert.match(history, /session-manage --resume/)
    assertNoSecret(history, 'the history')
  })

  it('is not in the bytes that are sent to the terminal', async () => {
    const {world} = stage
    world.addProfile('alice', 'sealed', withKey)
    const sealed = await world.startProfile('alice', 'sealed', {until: 'new'})
    const alice = asUser(world, 'alice')
    const child = spawn(
      'script',
      ['-qec', `"${process.execPath}" "${cli()}" session-manage --resume --config sealed --timeout 60`, '/dev/null'],
      {
        ...alice,
        env: {...alice.env, DEBUG: 'ovpn3:*', TERM: 'xterm'},
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data
    })
    await until('the prompt is shown', () => output.includes('passphrase:'))
    child.stdin.write(`${passphrase}\r`)
    await new Promise((resolve) => {
      child.on('close', resolve)
    })
    assert.match(output, /connected to/)
    assert.deepEqual(world.answers(sealed), {pk_passphrase: passphrase})
    assertNoSecret(output, 'the bytes sent to the terminal')
  })
})
