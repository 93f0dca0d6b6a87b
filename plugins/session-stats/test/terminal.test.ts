import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {skipTerminal, terminals} from '../../../test/support/terminal'

describe('session-stats on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  for (const columns of [80, 120]) {
    it(`draws rates and graphs in ${columns} columns, in place`, async () => {
      const [path] = stage.world.createSessions(1, {name: () => 'office'})
      stage.world.setTraffic(path!, {in: 2_000_000, out: 30_000})
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-stats -c office --watch=0.2', 'Enter')
      const screen = await tty.shows(/down +BYTES_IN +(?:1\.[89]|2\.0) MiB\/s +\d+ +\S+ MiB +[▁-█]{5,}\n/)
      assert.match(
        screen,
        /^office \(\w{8}\) on \S+ +(?:\d{4}-\d\d-\d\d )?[\d:]{8}\n\n +COUNTER +RATE +PACKETS\/S +TOTAL +last \d+ s\n/m,
      )
      assert.match(screen, /^up +BYTES_OUT +\S+ KiB\/s .*[▁-█]+$/m)
      assert.match(screen, /^tun down +TUN_BYTES_OUT .*\ntun up +TUN_BYTES_IN /m)
      assert.equal(screen.match(/office \(/g)?.length, 1, screen)
      for (const line of screen.split('\n')) assert.ok(line.length <= columns)
      assert.ok(
        Math.max(
          ...screen
            .split('\n')
            .slice(1)
            .map((line) => line.length),
        ) === columns,
        'uses the width',
      )
      // eslint-disable-next-line no-control-regex
      assert.match(await tty.screen({escapes: true}), /\u001B\[32m[^\n]*[▁-█]/)
      await tty.type('C-c')
      const end = await tty.shows(/status 130/)
      assert.doesNotMatch(end, /Error|interrupted/)
      assert.equal(await tty.cursorIsVisible(), true)
      await tty.type('echo "still" here', 'Enter')
      await tty.shows(/^still here$/m)
    })

    it(`shows one line per session with --all in ${columns} columns`, async () => {
      const paths = stage.world.createSessions(3)
      for (const path of paths) stage.world.setTraffic(path, {in: 500_000, out: 5000})
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-stats --all --watch=0.2', 'Enter')
      const line = (i: number) => String.raw`\w{8} {2}load-${i} +[45]\d\d KiB/s +[▁-█]{4,} +\S+ KiB/s +[▁-█]{4,}\n`
      const screen = await tty.shows(
        new RegExp(`3 sessions on .*\n\nID +CONFIG +DOWN +GRAPH +UP +GRAPH\n${line(1)}${line(2)}${line(3)}`),
      )
      for (const text of screen.split('\n')) assert.ok(text.length <= columns)
      stage.world.createSessions(1, {name: () => 'more'})
      await stage.world.killBackend(paths[0]!)
      await tty.shows(/^load-1 lost its backend \d s ago$/m)
      await tty.type('C-c')
      await tty.shows(/status 130/)
    })
  }

  for (const [args, row] of [
    ['-c load-1', /^up +\d{3} KiB\/s +\d+ KiB {2}[▁-█ ]{8}$/m],
    ['--all', /^\w{8} {2}load-1 +\d{3} KiB\/s +\d{3} KiB\/s$/m],
  ] as const)
    it(`cuts no number in 40 columns, and quits on q: ${args}`, async () => {
      const [path] = stage.world.createSessions(1)
      stage.world.setTraffic(path!, {in: 500_000, out: 500_000})
      const tty = await stage.open({columns: 40})
      await tty.type(`ovpn3 session-stats ${args} --watch=0.2`, 'Enter')
      const screen = await tty.shows(row)
      assert.match(screen, /^q quit {2}\? keys$/m)
      await tty.type('q')
      await tty.shows(/status 0/)
    })

  it('counts the sessions that do not fit', async () => {
    stage.world.createSessions(30)
    const tty = await stage.open({rows: 12})
    await tty.type('ovpn3 session-stats --all --watch=0.3', 'Enter')
    const screen = await tty.shows(/… \d+ more/)
    const shown = screen.match(/ load-\d\d /g)!.length
    assert.match(screen, new RegExp(`… ${30 - shown} more`))
    assert.equal(shown, 5)
  })

  it('has no colours with NO_COLOR, and prints lines on a dumb terminal', async () => {
    stage.world.createSessions(1)
    const plain = await stage.open({env: {NO_COLOR: '1'}})
    await plain.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await plain.shows(/tun up/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(await plain.screen({escapes: true}), /\u001B\[3[1-9]m/)
    await plain.close()
    const dumb = await stage.open({columns: 120, env: {TERM: 'dumb'}})
    await dumb.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await dumb.shows(/in total\n.*packets\/s\n.*packets\/s\n/)
  })

  it('ends when the session ends, and reports it below the view', async () => {
    const path = await stage.world.startSession('alice', 'cert')
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c cert --watch=0.2', 'Enter')
    await tty.shows(/tun up/)
    await stage.world.killBackend(path)
    const screen = await tty.shows(/cert \(\w{8}\): its backend process is gone.*\n(.*\n)*.*status 0/)
    assert.match(screen, /tun up/, 'the last that was seen stays')
  })

  it('names a hung session within the view', async () => {
    const [path] = stage.world.createSessions(1)
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await tty.shows(/tun up/)
    await stage.world.stopBackend(path!)
    const screen = await tty.shows(/Waiting for session \w{8}/)
    assert.match(screen, /tun up[^]*Waiting/)
    assert.equal(screen.match(/tun up/g)?.length, 1)
    await stage.world.killBackend(path!)
    await tty.shows(/tun up[^]*its backend process is gone.*\n(.*\n)*.*status 0/)
  })

  it('no longer shows that it waits once the session has answered', async () => {
    stage.world.createSessions(1)
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await tty.shows(/tun up/)
    let delayed = false
    stage.world.intercept(({message}) => {
      if (delayed || message.body[1] !== 'statistics') return
      delayed = true
      return {delay: 4000}
    })
    await tty.shows(/Waiting for session \w{8}/)
    await tty.shows(/^((?!Waiting)[^])*tun up((?!Waiting)[^])*$/)
  })

  it('reads the session after it was picked', async () => {
    const [first, second] = stage.world.createSessions(2)
    stage.world.setStatistics(first!, {BYTES_IN: 1})
    stage.world.setStatistics(second!, {BYTES_IN: 2})
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats', 'Enter')
    await tty.shows(/Which session\?/)
    for (const path of [first!, second!]) stage.world.setStatistics(path, {BYTES_IN: 77})
    await tty.type('Down', 'Enter')
    await tty.shows(/\nload-\d \(\w{8}\):\n {5}BYTES_IN\.+77\n\[status 0]/)
  })

  it('cuts a name by its width on the terminal', async () => {
    const name = '東'.repeat(120)
    stage.world.createSessions(1, {name: () => name})
    const tty = await stage.open({columns: 80})
    await tty.type('ovpn3 session-stats --interface tun0 --watch=0.2', 'Enter')
    await tty.shows(/\n東{20,}… +[\d:]{8}\n\n +COUNTER/)
  })

  it('removes the control sequences in names', async () => {
    const name = 'evil\u001B]0;owned\u0007\u001B[31m\u202Egpj.exe'
    stage.world.addProfile('alice', name)
    const path = await stage.world.startProfile('alice', name)
    stage.world.setStatistics(path, {'BYTES\u001B[31m_IN': 5})
    const tty = await stage.open()
    await tty.type(`ovpn3 session-stats --path ${path}; ovpn3 session-stats --all --watch=0.2`, 'Enter')
    const screen = await tty.shows(/\w{8} {2}evil gpj\.exe /)
    assert.match(screen, /BYTES_IN\.+5/)
  })
})
