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
      const screen = await tty.shows(/in +(?:1\.[89]|2\.0) MiB\/s +\d+ +\S+ MiB +[▁-█]{5,}\n/)
      assert.match(screen, /office \(\w{8}\) {2}every 0\.2 s, Ctrl-C ends\n\n +bytes\/s +packets\/s +bytes\n/)
      assert.match(screen, /^out +\S+ KiB\/s .*[▁-█]+$/m)
      assert.match(screen, /^tun in .*\ntun out /m)
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

    it(`has a line for each session with --all in ${columns} columns`, async () => {
      const paths = stage.world.createSessions(3)
      for (const path of paths) stage.world.setTraffic(path, {in: 500_000, out: 5000})
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-stats --all --watch=0.2', 'Enter')
      const line = (i: number) => String.raw`load-${i} \(\w{8}\) +[45]\d\d KiB/s +[▁-█]{4,} +\S+ KiB/s +[▁-█]{4,}\n`
      const screen = await tty.shows(new RegExp(`Session +In +Out\n${line(1)}${line(2)}${line(3)}`.replace(/\\n$/, '')))
      for (const text of screen.split('\n')) assert.ok(text.length <= columns)
      stage.world.createSessions(1, {name: () => 'more'})
      await stage.world.killBackend(paths[0]!)
      await tty.shows(/load-1 \(\w{8}\) is gone/)
      await tty.type('C-c')
      await tty.shows(/status 130/)
    })
  }

  it('says how many do not fit', async () => {
    stage.world.createSessions(30)
    const tty = await stage.open({rows: 12})
    await tty.type('ovpn3 session-stats --all --watch=0.3', 'Enter')
    const screen = await tty.shows(/… \d+ more/)
    const shown = screen.match(/load-\d\d \(/g)!.length
    assert.match(screen, new RegExp(`… ${30 - shown} more`))
    assert.ok(shown >= 7, `${shown}`)
  })

  it('has no colour with NO_COLOR, and lines on a dumb terminal', async () => {
    stage.world.createSessions(1)
    const plain = await stage.open({env: {NO_COLOR: '1'}})
    await plain.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await plain.shows(/tun out/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(await plain.screen({escapes: true}), /\u001B\[3[1-9]m/)
    await plain.close()
    const dumb = await stage.open({columns: 120, env: {TERM: 'dumb'}})
    await dumb.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await dumb.shows(/so far\n.*packets\/s\n.*packets\/s\n/)
  })

  it('ends when the session is disconnected, and says so below the view', async () => {
    const path = await stage.world.startSession('alice', 'cert')
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c cert --watch=0.2', 'Enter')
    await tty.shows(/tun out/)
    await stage.world.killBackend(path)
    const screen = await tty.shows(/cert \(\w{8}\): its backend process is gone.*\n(.*\n)*.*status 0/)
    assert.match(screen, /tun out/, 'the last that was seen stays')
  })

  it('names a hung session within the view', async () => {
    const [path] = stage.world.createSessions(1)
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await tty.shows(/tun out/)
    await stage.world.stopBackend(path!)
    const screen = await tty.shows(/Waiting for session \w{8}/)
    assert.match(screen, /tun out[^]*Waiting/)
    assert.equal(screen.match(/tun out/g)?.length, 1)
    await stage.world.killBackend(path!)
    await tty.shows(/tun out[^]*its backend process is gone.*\n(.*\n)*.*status 0/)
  })

  it('says no more that it waits when it has its answer', async () => {
    stage.world.createSessions(1)
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats -c load-1 --watch=0.2', 'Enter')
    await tty.shows(/tun out/)
    let delayed = false
    stage.world.intercept(({message}) => {
      if (delayed || message.body[1] !== 'statistics') return
      delayed = true
      return {delay: 4000}
    })
    await tty.shows(/Waiting for session \w{8}/)
    await tty.shows(/^((?!Waiting)[^])*tun out((?!Waiting)[^])*$/)
  })

  it('lets a session be picked, and reads it when it has been', async () => {
    const [first, second] = stage.world.createSessions(2)
    stage.world.setStatistics(first!, {BYTES_IN: 1})
    stage.world.setStatistics(second!, {BYTES_IN: 2})
    const tty = await stage.open()
    await tty.type('ovpn3 session-stats', 'Enter')
    await tty.shows(/Which session to look at\?/)
    for (const path of [first!, second!]) stage.world.setStatistics(path, {BYTES_IN: 77})
    await tty.type('Down', 'Enter')
    await tty.shows(/Connection statistics:\n {5}BYTES_IN\.+77\n\n\[status 0]/)
  })

  it('cuts a name by the columns that it takes', async () => {
    const name = '東'.repeat(120)
    stage.world.createSessions(1, {name: () => name})
    const tty = await stage.open({columns: 80})
    await tty.type('ovpn3 session-stats --interface tun0 --watch=0.2', 'Enter')
    await tty.shows(/\n東{20,}… +every 0\.2 s, Ctrl-C ends\n\n +bytes\/s/)
  })

  it('keeps control sequences of others away from the terminal', async () => {
    const name = 'evil\u001B]0;owned\u0007\u001B[31m\u202Egpj.exe'
    stage.world.addProfile('alice', name)
    const path = await stage.world.startProfile('alice', name)
    stage.world.setStatistics(path, {'BYTES\u001B[31m_IN': 5})
    const tty = await stage.open()
    await tty.type(`ovpn3 session-stats --path ${path}; ovpn3 session-stats --all --watch=0.2`, 'Enter')
    const screen = await tty.shows(/evil gpj\.exe \(\w{8}\)/)
    assert.match(screen, /BYTES_IN\.+5/)
  })
})
