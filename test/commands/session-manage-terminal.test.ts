import assert from 'node:assert/strict'
import {chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {type Simulator} from '../simulator/simulator'
import {until, userFile} from '../support/cli'
import {skipTerminal, terminals} from '../support/terminal'

describe('session-manage on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  it('lets the user pick a session', async () => {
    await stage.world.startSession('alice', 'cert')
    const second = await stage.world.startSession('alice', 'cert2')
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --pause', 'Enter')
    const screen = await tty.shows(/Which session to pause\?/)
    assert.match(screen, / {2}ID +CONFIG +OWNER +DEVICE +STATUS +AGE\n[^]*\w{8} {2}cert {4}\S+ +tun0 +connected +\d+s/)
    await tty.type('Down', 'Up', 'Down', 'Enter')
    const done = await tty.shows(/status 0/)
    assert.match(done, /cert2? \(\w{8}\): paused/)
    assert.equal((await stage.world.sessions()).filter((path) => stage.world.status(path)[1] === 14).length, 1)
    assert.ok(second)
  })

  it('lets the user pick an action that suits the options', async () => {
    await stage.world.startSession('alice', 'cert')
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage', 'Enter')
    assert.match(await tty.shows(/Which action\?[^]*Pause a session/), /Remove stale sessions/)
    await tty.type('Enter')
    await tty.shows(/Which session to pause\?/)
    await tty.type('Enter')
    await tty.shows(/cert \(\w{8}\): paused[^]*status 0/)
    await tty.type('clear; ovpn3 session-manage --config cert', 'Enter')
    assert.doesNotMatch(await tty.shows(/Which action\?[^]*log level/), /Remove stale sessions/)
    await tty.type('Escape')
    await tty.shows(/^Cancelled\.[^]*status 130/m)
    await tty.type('clear; ovpn3 session-manage cert', 'Enter')
    assert.doesNotMatch(await tty.shows(/Which action\?[^]*log level/), /Remove stale sessions/)
    await tty.type('Escape')
    await tty.shows(/^Cancelled\.[^]*status 130/m)
  })

  it('filters by typed text, in rows that fit the terminal', async () => {
    stage.world.createSessions(40, {name: (index) => `office-number-${index}`})
    for (const [columns, rows, shown] of [
      [40, 10, 6],
      [80, 24, 12],
      [120, 30, 12],
    ] as const) {
      const tty = await stage.open({columns, rows})
      await tty.type('-R', 'ovpn3 session-manage --pause --dry-run', 'Enter')
      const screen = await tty.shows(/Which session to pause\?\n {2}ID +CONFIG.*STATUS[^]*1 of 40\. Type/)
      assert.equal(screen.match(/office-.*connected/g)?.length, shown, screen)
      await tty.type('number-17')
      await tty.shows(/pause\? number-17\n {2}ID .*\n> \w{8} {2}office-number-17 .*\nType to filter.*$/)
      await tty.type('x')
      await tty.shows(/number-17x\n.*\n {2}No match/)
      await tty.type('BSpace', 'Enter')
      await tty.shows(/office-number-17 \(\w{8}\): would be pa\s*used[^]*status 0/)
    }
  })

  it('leaves no stale lines of the picker when the terminal becomes tiny and large again', async () => {
    stage.world.createSessions(20)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --pause', 'Enter')
    await tty.shows(/Which session to pause\?[^]*Type to filter/)
    await tty.resize(20, 3)
    await tty.shows(/1 of 20|Type to|… /)
    await tty.resize(80, 30)
    await tty.shows(/Which session to pause\?\n +ID +CONFIG[^]*1 of 20. Type to filter/)
    const screen = await tty.screen()
    for (const line of [/Which session/g, /Type to/g, /CONFIG/g]) assert.equal(screen.match(line)?.length, 1, screen)
  })

  it('offers only sessions that the action changes', async () => {
    const [first, second] = stage.world.createSessions(2)
    stage.world.pause(first!)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --pause', 'Enter')
    assert.doesNotMatch(await tty.shows(/Which session to pause\?[^]*load-2/), /load-1/)
    await tty.type('Enter')
    await tty.shows(/load-2 \(\w{8}\): paused[^]*status 0/)
    await tty.type('-R', 'ovpn3 session-manage --pause', 'Enter')
    await tty.shows(/Error: no session can be selected: 2 paused\n[^]*status 4/)
    assert.ok(second)
  })

  it('lets the user pick if a name is ambiguous, and Ctrl-C changes nothing', async () => {
    await stage.world.startSession('alice', 'cert')
    await stage.world.startSession('alice', 'cert', {fresh: true})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --disconnect --config cert', 'Enter')
    await tty.shows(/Which session to disconnect\?/)
    await tty.type('C-c')
    await tty.shows(/interrupted[^]*status 130/)
    assert.equal((await stage.world.sessions()).length, 2)
    assert.equal(await tty.cursorIsVisible(), true)
  })

  it('prompts for user name and password, and hides the password', async () => {
    const path = await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --config pass --timeout 10', 'Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type('secret', 'Enter')
    const screen = await tty.shows(/status 0/)
    assert.match(screen, /pass \(\w{8}\): connected/)
    assert.doesNotMatch(screen, /secret/)
    assert.match(screen, /vpnuser/)
    assert.equal(await stage.world.carriesTraffic(path), true)
  })

  it('waits for the connection by default, without a timeout', async () => {
    stage.world.pause(await stage.world.startSession('alice', 'cert'))
    const path = await stage.world.startSession('alice', 'dead', {until: 'started'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --config cert', 'Enter')
    await tty.shows(/cert \(\w{8}\): connected[^]*status 0/)
    await tty.type('ovpn3 session-manage --restart --config dead', 'Enter')
    await tty.shows(/Restarting dead[^]*reconnecting/)
    await tty.type('C-c')
    await tty.shows(/dead \(\w{8}\): interrupted: still connecting in the background[^]*status 130/)
    await tty.type('ovpn3 session-manage --restart --config dead --background', 'Enter')
    await tty.shows(/restarting in the background[^]*status 0/)
    assert.ok((await stage.world.sessions()).includes(path))
  })

  it('Ctrl-C at a prompt leaves the session unchanged', async () => {
    const path = await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --config pass --timeout 10', 'Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type('C-c')
    await tty.shows(/interrupted[^]*status 130/)
    assert.deepEqual(stage.world.status(path).slice(0, 2), [2, 4])
    assert.deepEqual(stage.world.answers(path), {})
    assert.equal(await tty.cursorIsVisible(), true)
  })

  it('Ctrl-C at a prompt during the connection disconnects the session', async () => {
    const challenge = {answer: '987', question: 'The code on your token'}
    stage.world.addProfile('alice', 'dyn', {challenge, inputs: [], port: 1195})
    await stage.world.startProfile('alice', 'dyn', {until: 'new'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --config dyn --timeout 60', 'Enter')
    await tty.shows(/The code on your token:/)
    await tty.type('C-c')
    await tty.shows(/dyn \(\w{8}\): interrupted: gave up and disconnected it[^]*status 130/)
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('assumes a standard size if the terminal reports none', async () => {
    stage.world.createSessions(2)
    const tty = await stage.open()
    await tty.type('stty rows 0 columns 0', 'Enter')
    await tty.shows(/status 0\]\n>$/)
    await tty.type('ovpn3 sessions-list --watch --sort config', 'Enter')
    await tty.shows(/ID +CONFIG[^]*load-1 +connected[^]*load-2 +connected/)
    await tty.type('C-c')
    await tty.shows(/status 130\]\n>$/)
    await stage.world.stopBackend((await stage.world.sessions())[0]!)
    await tty.type('ovpn3 session-manage --cleanup', 'Enter')
    await tty.shows(/Checking load-\d/)
  })

  it("prompts for another user's session only after naming its owner", async () => {
    const {world} = stage
    const session = await world.startSession('bob', 'pass', {until: 'new'})
    await world.grant(session, 'alice')
    const {full: owner} = nameOf(world, 'bob')
    const question = new RegExp(
      String.raw`pass \(\w{8}\) of (?:uid )?\S+ belongs to ${owner}\. Send your input to that user\? \(y/N\)`,
    )
    const tty = await stage.open({columns: 120})
    await tty.type('ovpn3 session-manage --resume --config pass --timeout 10', 'Enter')
    await tty.shows(question)
    await tty.type('Enter')
    await tty.shows(new RegExp(`no input was sent: the session belongs to ${owner}[^]*status 8`))
    assert.deepEqual(world.status(session).slice(0, 2), [2, 4])
    await tty.type('-R', 'ovpn3 session-manage --resume --config pass --timeout 10', 'Enter')
    await tty.shows(question)
    await tty.type('y', 'Enter')
    await tty.shows(/pass \(\w{8}\) of (?:uid )?\S+ needs input:\n.*Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type('secret', 'Enter')
    await tty.shows(/pass \(\w{8}\) of (?:uid )?\S+: connected[^]*status 0/)
  })

  it('prompts for answers missing from a file, without a time limit', async () => {
    await stage.world.startSession('alice', 'pass', {until: 'new'})
    const file = userFile(stage.world, 'alice', 'credentials', '{"username": "vpnuser"}')
    const tty = await stage.open({columns: 120})
    await tty.type(`ovpn3 session-manage --resume --config pass --timeout 3 --credentials ${file}`, 'Enter')
    assert.doesNotMatch(await tty.shows(/pass \(\w{8}\) needs input:\n.*Auth Password:/), /User name/)
    // no output is expected meanwhile
    await sleep(3500)
    await tty.type('secret', 'Enter')
    await tty.shows(/pass \(\w{8}\): connected[^]*status 0/)
  })

  it("uses a file or systemd for another user's session only after consent", async () => {
    const {world} = stage
    const session = await world.startSession('bob', 'pass', {until: 'new'})
    await world.grant(session, 'alice')
    const file = userFile(world, 'alice', 'credentials', 'vpnuser\n')
    const systemd = userFile(world, 'alice', 'systemd/ovpn3.pass', '{"password": "secret"}')
    const tty = await stage.open({columns: 120, env: {CREDENTIALS_DIRECTORY: path.dirname(systemd)}})
    for (const [key, end] of [
      ['n', /no input was sent[^]*status 8/],
      ['y', /pass \(\w{8}\) of (?:uid )?\S+: connected[^]*status 0/],
    ] as const) {
      await tty.type('-R', `ovpn3 session-manage --resume --config pass --timeout 10 --credentials ${file}`, 'Enter')
      await tty.shows(/Send your input to that user\? \(y\/N\)/)
      assert.deepEqual(world.answers(session), {})
      await tty.type(key, 'Enter')
      await tty.shows(end)
    }
  })

  it("opens a web address, but not for another user's session", async () => {
    const {world} = stage
    const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-browser-'))
    chmodSync(folder, 0o777)
    const opened = path.join(folder, 'opened')
    writeFileSync(path.join(folder, 'xdg-open'), `#!/bin/sh\necho "$1" >> ${opened}\n`, {mode: 0o755})
    try {
      const tty = await stage.open({columns: 120, env: {DISPLAY: ':0', PATH: `${folder}:${process.env.PATH}`}})
      for (const user of ['bob', 'alice'] as const) {
        const session = await world.startSession(user, 'web', {until: 'started'})
        if (user === 'bob') await world.grant(session, 'alice')
        await until('it needs web authentication', () => world.status(session)[1] === 22)
        assert.match(
          await tty.run(`ovpn3 session-manage --resume --background --path ${session}`),
          /Open this page:\n +https:/,
        )
      }

      await until('it is opened', () => existsSync(opened))
      assert.equal(readFileSync(opened, 'utf8').trim().split('\n').length, 1)
    } finally {
      rmSync(folder, {recursive: true})
    }
  })

  it('does not change a session whose access is revoked during the prompt', async () => {
    const {world} = stage
    world.createSessions(2)
    const theirs = await world.startSession('bob', 'cert')
    await world.grant(theirs, 'alice')
    await world.setPublicAccess(theirs, true)
    const tty = await stage.open({columns: 120})
    await tty.type('ovpn3 session-manage --pause --all', 'Enter')
    await tty.shows(/Pause 3 sessions \(1 of other users\)/)
    await world.revoke(theirs, 'alice')
    await tty.type('y', 'Enter')
    const screen = await tty.shows(/status 0/)
    assert.match(screen, /\(?\w{8}\)? of (?:uid )?\S+: kept \(your access was revoked\)/)
    assert.equal((await world.sessions()).filter((each) => world.status(each)[1] === 14).length, 2)
    assert.equal(world.status(theirs)[1], 7)
  })

  it('asks once before it acts on several sessions', async () => {
    stage.world.createSessions(2)
    await stage.world.grant(await stage.world.startSession('bob', 'cert'), 'alice')
    const {short: bob} = nameOf(stage.world, 'bob')
    const tty = await stage.open({columns: 120})
    await tty.type('ovpn3 session-manage --disconnect --all', 'Enter')
    await tty.shows(new RegExp(String.raw`Disconnect 3 sessions \(1 of other users\): cert \(\w{8}\) of ${bob},.*\?`))
    await tty.type('n', 'Enter')
    await tty.shows(/nothing was changed[^]*status 130/)
    assert.equal((await stage.world.sessions()).length, 3)
    await tty.type('ovpn3 session-manage --disconnect --all', 'Enter')
    await tty.shows(/status 130[^]*Disconnect/)
    await tty.type('y', 'Enter')
    await tty.shows(/status 0/)
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('does not ask about stale sessions and reports that they are gone', async () => {
    const [stale] = stage.world.createSessions(3)
    await stage.world.killBackend(stale!)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --disconnect --all', 'Enter')
    await tty.shows(/Disconnect 2 sessions: load-\d \(\w{8}\), load-\d/)
    await tty.type('y', 'Enter')
    const screen = await tty.shows(/status 0/)
    assert.match(screen, /session \w{8}: removed \(its backend process is gone\)/)
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('counts the sessions that do not fit the terminal, and names a few of many in its question', async () => {
    stage.world.createSessions(60)
    stage.world.timings.method = 50
    const tty = await stage.open({rows: 24})
    await tty.type('ovpn3 session-manage --pause --all', 'Enter')
    const question = await tty.shows(/Pause 60 sessions: [^?]*52 more\?/)
    assert.equal(question.match(/load-\d\d/g)!.length, 8)
    await tty.type('y', 'Enter')
    await tty.shows(/Pausing 60 sessions: \d+ of 60 done/)
    const screen = await tty.shows(/status 0\]\n>$/)
    assert.doesNotMatch(screen, /Pausing/, 'what was progress is gone')
    assert.equal(screen.match(/load-\d\d \(\w{8}\): paused/g)!.length, 21)
    assert.match(screen, /^60 paused$/m)
    for (const path of await stage.world.sessions()) assert.equal(stage.world.status(path)[1], 14)
  })

  it('shows progress during the wait, and Ctrl-C restores the terminal', async () => {
    await stage.world.startSession('alice', 'dead', {until: 'started'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --restart --config dead --wait', 'Enter')
    await tty.shows(/Restarting dead[^]*reconnecting/)
    await tty.type('C-c')
    const screen = await tty.shows(/status 130/)
    assert.match(screen, /dead \(\w{8}\): interrupted: gave up and disconnected it/)
    assert.doesNotMatch(screen, /Restarting dead/, 'what was progress is gone')
    assert.equal(await tty.cursorIsVisible(), true)
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('removes its progress from the terminal also at the second Ctrl-C', async () => {
    stage.world.createSessions(2)
    stage.world.timings.method = 10_000
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --pause --all --yes', 'Enter')
    await tty.shows(/Pausing load-1/)
    await tty.type('C-c', 'C-c')
    const screen = await tty.shows(/status 130\]/)
    assert.doesNotMatch(screen, /Pausing/)
    assert.equal(await tty.cursorIsVisible(), true)
  })

  it('shows each session of a clean-up, then only the results', async () => {
    const [stale, other] = stage.world.createSessions(2)
    await stage.world.killBackend(stale!)
    await stage.world.stopBackend(other!)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --cleanup', 'Enter')
    await tty.shows(/Checking load-2[^]*Waiting for session \w{8}/)
    await stage.world.killBackend(other!)
    const screen = await tty.shows(/status 0/)
    assert.match(screen, /load-1 \(\w{8}\): removed \(its backend process is gone\)/)
    assert.match(screen, /^2 removed$/m)
    assert.doesNotMatch(screen, /Checking/)
  })

  it('prints no colours with NO_COLOR, and no animation on a dumb terminal', async () => {
    stage.world.createSessions(2)
    const plain = await stage.open({env: {NO_COLOR: '1'}})
    await plain.type('ovpn3 session-manage --pause', 'C-u', 'ovpn3 session-manage --bogus', 'Enter')
    await plain.shows(/status 2/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(await plain.screen({escapes: true}), /\u001B\[3\dm/)
    await plain.close()
    const dumb = await stage.open({env: {TERM: 'dumb'}})
    await dumb.type('ovpn3 session-manage --pause', 'Enter')
    await dumb.shows(/no session selected[^]*status 2/)
  })

  it('removes control sequences of other users from the output', async () => {
    stage.world.addProfile('alice', 'evil\u001B]0;owned\u0007\u001B[31m\u202Egpj.exe\u0085end')
    const path = await stage.world.startProfile('alice', 'evil\u001B]0;owned\u0007\u001B[31m\u202Egpj.exe\u0085end')
    const tty = await stage.open()
    await tty.type(`ovpn3 session-manage --pause --path ${path}`, 'Enter')
    const screen = await tty.shows(/status 0/)
    assert.match(screen, /evil gpj\.exe end \(\w{8}\): paused/)
  })

  it('names the session with a hung backend during the wait', async () => {
    const [hung] = stage.world.createSessions(1)
    await stage.world.stopBackend(hung!)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --pause --config load-1', 'Enter')
    await tty.shows(/Waiting for session \w{8}: its backend is not responding/)
    await stage.world.killBackend(hung!)
    await tty.shows(/its backend process is gone[^]*status 4/)
    await until('it is gone', async () => (await stage.world.sessions()).length === 0)
  })

  it('Ctrl-C at a prompt leaves the other sessions unchanged, too', async () => {
    const needy = await stage.world.startSession('alice', 'pass', {until: 'new'})
    const paused = await stage.world.startSession('alice', 'cert')
    stage.world.pause(paused)
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --all --yes --background', 'Enter')
    await tty.shows(/Auth User name:/)
    const before = stage.world.status(paused)
    await tty.type('C-c')
    await tty.shows(/status 130/)
    assert.deepEqual(stage.world.status(needy).slice(0, 2), [2, 4])
    if (before[1] === 14) assert.equal(stage.world.status(paused)[1], 14)
  })

  it('reads the sessions again after a slow choice', async () => {
    await stage.world.startSession('alice', 'cert2')
    const path = await stage.world.startSession('alice', 'cert', {until: 'new'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-manage --resume --background', 'Enter')
    // the other session is connected
    assert.doesNotMatch(await tty.shows(/Which session to resume\?[^]*cert/), /cert2/)
    stage.world.setStatus(path, [2, 6, ''])
    stage.world.calls.reset()
    await tty.type('Enter')
    await tty.shows(/cert \(\w{8}\): already connecting[^]*status 0/)
    assert.equal(stage.world.calls.byMember.has('Connect'), false)
  })
})

/** A user as the CLI shows it, as patterns; without root, other users have a uid and no name. */
function nameOf(world: Simulator, user: 'bob'): {readonly full: string; readonly short: string} {
  const uid = `uid ${world.uid(user)}`
  const name = world.accountName(user)
  return name === String(world.uid(user))
    ? {full: uid, short: uid}
    : {full: String.raw`${name} \(${uid}\)`, short: name}
}
