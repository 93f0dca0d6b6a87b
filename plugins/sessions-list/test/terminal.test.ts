import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {describe, it} from 'node:test'

import {until} from '../../../test/support/cli'
import {skipTerminal, terminals} from '../../../test/support/terminal'

describe('sessions-list on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  for (const columns of [100, 120])
    it(`a table that fits ${columns} columns`, async () => {
      stage.world.createSessions(3, {
        name: (index) =>
          ['office', 'the-tunnel-with-a-name-that-is-longer-than-any-terminal-has-room-for-it', '東京オフィス'][index]!,
      })
      await stage.world.startSession('alice', 'pass', {until: 'new'})
      const tty = await stage.open({columns})
      const screen = await tty.run('ovpn3 sessions-list --sort config')
      const lines = screen.split('\n')
      assert.match(lines[0]!, /^ID {8}CONFIG +STATUS +DEVICE {2}SERVER +OWNER +AGE$/)
      assert.equal(lines.length, 5)
      assert.match(screen, /^\w{8} {2}office +connected +tun\d {4}10\.99\.0\.1:1194\/udp {2}\S+ +\d+s$/m)
      assert.match(screen, /^\w{8} {2}pass +needs input +- +- +\S+ +\d+s$/m)
      assert.match(screen, columns === 100 ? /the-t\S*…/ : /the-tunnel-with-a-name\S*…/)
      assert.match(screen, columns === 100 ? /東京\S* +connected/ : /東京オフィス +connected/)
    })

  it('a table without the columns that do not fit, in 40 columns', async () => {
    stage.world.createSessions(1, {name: () => 'customer-vpn-of-the-day'})
    await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open({columns: 40})
    const screen = await tty.run('ovpn3 sessions-list --sort config')
    assert.match(screen, /^ID {8}CONFIG +STATUS +DEVICE\n/)
    assert.match(screen, /^\w{8} {2}customer… {2}connected {4}tun\d\n\w{8} {2}pass {7}needs input {2}-$/m)
    const chosen = await tty.run('ovpn3 sessions-list --columns id,server,owner,age --filter device=tun*')
    assert.match(chosen, /^ID +SERVER +OWNER +AGE\n\w{8} +10\.99\.0\.\S+ +\S+ +\d+s$/m)
  })

  it('a live table that fits a narrow terminal, with its header and keys', async () => {
    stage.world.createSessions(30)
    const tty = await stage.open({columns: 40, rows: 12})
    await tty.type('ovpn3 sessions-list --watch', 'Enter')
    const screen = await tty.shows(/… 25 more/)
    assert.match(
      screen,
      /^30 sessions on \S+ +(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\n\nID {8}CONFIG +STATUS +DEVICE\n(\w{8} {2}load-\d\d +connected +tun\d+\n){5}… 25 more\n\nq quit {2}\? keys$/m,
    )
    await tty.type('q')
    assert.doesNotMatch(await tty.shows(/status 0/), /q quit/)
  })

  it('a live table that explains its keys, and what happened to a session that left', async () => {
    stage.world.createSessions(1)
    const path = await stage.world.startSession('alice', 'cert')
    const tty = await stage.open({columns: 40})
    await tty.type('ovpn3 sessions-list --watch', 'Enter')
    await tty.shows(/2 sessions[^]* cert +connected/)
    await tty.type('?')
    await tty.shows(/^q {7}quit\nCtrl-C {2}quit with exit status 130\nCtrl-Z {2}suspend[^]*^\? {7}hide the keys$/m)
    await tty.type('?')
    await tty.shows(/^q quit {2}\? keys$/m)
    await until('it follows', () => stage.world.subscribers(path).length === 1)
    await stage.world.disconnect(path)
    await tty.shows(/1 session on [^]*^cert disconnected \d s ago$/m)
    await tty.shows(/^((?!disconnected)[^])*load-1 +connected((?!disconnected)[^])*$/)
    await tty.type('q')
    await tty.shows(/status 0/)
    await tty.type('echo typed-$((6 * 7))', 'Enter')
    await tty.shows(/^> echo typed-\$\(\(6 \* 7\)\)\ntyped-42$/m)
  })

  it('statuses in their colours', async () => {
    const paths = stage.world.createSessions(4)
    stage.world.setStatus(paths[1]!, [2, 14, ''])
    stage.world.setStatus(paths[2]!, [2, 11, ''])
    await stage.world.killBackend(paths[3]!)
    // wide enough for any user's name
    const tty = await stage.open({columns: 120})
    await tty.run('ovpn3 sessions-list')
    const screen = await tty.screen({escapes: true})
    for (const [color, text] of [
      [32, 'connected'],
      [33, 'paused'],
      [31, 'authentication failed'],
      [31, 'backend gone, removed'],
    ] as const)
      assert.ok(screen.includes(`\u001B[${color}m${text}`), `${text}\n${screen}`)
  })

  it('no colours with NO_COLOR', async () => {
    stage.world.createSessions(1)
    const tty = await stage.open({env: {NO_COLOR: '1'}})
    await tty.run('ovpn3 sessions-list')
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(await tty.screen({escapes: true}), /\u001B\[[\d;]*m/)
  })

  it('the records of the reference tool with --format=classic', async () => {
    stage.world.createSessions(1)
    const tty = await stage.open()
    assert.match(await tty.run('ovpn3 sessions-list --format=classic'), /^-{77}\n {8}Path: [^]*\n-{77}$/)
    assert.equal(await tty.run('ovpn3 sessions-list --filter config=x'), 'No matching sessions')
  })

  it('a live table that is updated in place, until Ctrl-C', async () => {
    const [first] = stage.world.createSessions(2)
    const tty = await stage.open({rows: 12})
    await tty.type('ovpn3 sessions-list --watch --sort config', 'Enter')
    await tty.shows(/load-1 +connected[^]*load-2 +connected/)
    await until('it follows', () => stage.world.subscribers(first!).length === 1)
    stage.world.setStatus(first!, [2, 14, ''])
    await tty.shows(/load-1 +paused/)
    const path = await stage.world.startSession('alice', 'cert')
    await tty.shows(/ cert +connected +tun\d/)
    await tty.shows(/ cert .* ([2-9]|\d\d)s$/m)
    await stage.world.killBackend(path)
    await tty.type('C-c')
    const screen = await tty.shows(/status 130/)
    assert.equal(screen.match(/^ID /gm)?.length, 1, screen)
    assert.match(screen, /load-1 +paused/)
    assert.match(screen, /^\[status 130]$/m, 'the prompt has a line of its own')
    assert.equal(await tty.cursorIsVisible(), true)
    await until('nobody follows', () => stage.world.subscribers(first!).length === 0)
  })

  it('a live table that distinguishes no match from no sessions', async () => {
    const tty = await stage.open()
    await tty.type('ovpn3 sessions-list --watch --filter config=nosuch', 'Enter')
    await tty.shows(/^No sessions available$/m)
    await stage.world.startSession('alice', 'cert')
    await tty.shows(/^No matching sessions$/m)
    await tty.type('C-c')
    await tty.shows(/status 130/)
  })

  it('a live table that says when a session does not respond', async () => {
    const [hung] = stage.world.createSessions(2)
    const tty = await stage.open({columns: 120})
    await tty.type('ovpn3 sessions-list --watch', 'Enter')
    await tty.shows(/load-2/)
    await stage.world.stopBackend(hung!)
    await tty.shows(/load-1 +not responding/, 15_000)
    await stage.world.killBackend(hung!)
    await until('it is gone', async () => (await stage.world.sessions()).length === 1)
    await until('its row is gone', async () => !(await tty.screen()).includes('load-1'))
    await tty.type('C-c')
    assert.doesNotMatch(await tty.shows(/status 130/), /Waiting/)
  })

  it('a live table that fits the height of the terminal, also after a resize', async () => {
    stage.world.createSessions(50)
    const tty = await stage.open({columns: 100, rows: 20})
    const device = (await tty.run('tty')).trim()
    const resize = (columns: number, rows: number) =>
      execFileSync('stty', ['-F', device, 'cols', String(columns), 'rows', String(rows)])
    await tty.type('-R', 'ovpn3 sessions-list -w --sort config', 'Enter')
    const screen = await tty.shows(/load-13[^]*… 37 more/)
    assert.equal(screen.match(/^ID /gm)?.length, 1)
    resize(60, 10)
    await tty.shows(/load-03[^]*… 47 more/)
    resize(100, 8)
    const small = await tty.shows(/load-03[^]*… 47 more/)
    assert.equal(small.match(/^ID /gm)?.length, 1, small)
    await tty.type('C-c')
    await tty.shows(/status 130/)
  })
})
