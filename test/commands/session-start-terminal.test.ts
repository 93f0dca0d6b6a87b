import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {skipTerminal, terminals} from '../support/terminal'

describe('session-start on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  it('lets the user pick a profile, and leaves one line', async () => {
    const tty = await stage.open()
    await tty.type('ovpn3 session-start', 'Enter')
    const screen = await tty.shows(/Which profile to start\?/)
    assert.match(screen, /cert +\S+ +never used +\w{8}$/m)
    await tty.type('Down', 'Enter')
    const done = await tty.shows(/status 0/)
    assert.match(done, /^cert2 \(\w{8}\): connected to 10\.99\.0\.1 on tun0, address 10\.8\.0\.2$/m)
    assert.doesNotMatch(done, /Session path|Using pre-loaded|Starting|Connecting/)
    assert.equal(await tty.cursorIsVisible(), true)
  })

  for (const columns of [40, 80, 120])
    it(`lets the user pick if a name is ambiguous, ${columns} columns wide`, async () => {
      for (let n = 0; n < 2; n++) stage.world.addProfile('alice', 'office')
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-start office', 'Enter')
      const screen = await tty.shows(/Which profile named office\?/)
      for (const line of screen.split('\n')) assert.ok(line.length <= columns, line)
      await tty.type('C-c')
      await tty.shows(/interrupted[^]*status 130/)
      assert.deepEqual(await stage.world.sessions(), [])
      assert.equal(await tty.cursorIsVisible(), true)
    })

  it('Ctrl-D at a prompt interrupts it', async () => {
    const tty = await stage.open()
    await tty.type('ovpn3 session-start pass', 'Enter')
    await tty.shows(/Auth User name/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password/)
    await tty.type('C-d')
    await tty.shows(/interrupted[^]*status 130/)
    assert.deepEqual(await stage.world.sessions(), [])
  })

  for (const columns of [40, 80, 120])
    it(`prompts, shows progress, and hides the password, ${columns} columns wide`, async () => {
      stage.world.timings.newTunnel = 700
      stage.world.timings.connecting = 700
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-start pass', 'Enter')
      await tty.shows(/Starting pass/)
      const question = await tty.shows(/pass \(\w{8}\) needs input:[^]*Auth User name:/)
      assert.doesNotMatch(question, /Starting pass/)
      await tty.type('vpnuser', 'Enter')
      await tty.shows(/Auth Password:/)
      await tty.type('secret', 'Enter')
      await tty.shows(/Connecting pass \(\w{8}\)/)
      const screen = await tty.shows(/status 0/)
      assert.match(
        screen.replaceAll(/\s/g, ''),
        /pass\(\w{8}\):connectedto10\.99\.0\.1ontun0,address10\.8\.0\.2\[status0\]/,
      )
      assert.doesNotMatch(screen, /secret|Starting pass|Connecting/)
    })

  it('Ctrl-C at a prompt leaves no session', async () => {
    const tty = await stage.open()
    await tty.type('ovpn3 session-start pass', 'Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type('C-c')
    await tty.shows(/pass \(\w{8}\): interrupted: gave up and disconnected it[^]*status 130/)
    assert.deepEqual(await stage.world.sessions(), [])
    assert.equal(await tty.cursorIsVisible(), true)
  })

  for (const [what, newTunnel, shown] of [
    ['the session is made', 700, /Starting dead/],
    ['it connects', 10, /Connecting dead \(\w{8}\)/],
  ] as const)
    it(`Ctrl-C while ${what} leaves no session`, async () => {
      stage.world.timings.newTunnel = newTunnel
      const tty = await stage.open()
      await tty.type('ovpn3 session-start dead', 'Enter')
      await tty.shows(shown)
      await tty.type('C-c')
      await tty.shows(/interrupted[^]*status 130/)
      assert.deepEqual(await stage.world.sessions(), [])
      assert.equal(await tty.cursorIsVisible(), true)
    })

  it('stays in the foreground until Ctrl-C, prompts again during a reconnect, and continues after Ctrl-Z', async () => {
    const {world} = stage
    const challenge = {answer: '987', question: 'The code on your token'}
    world.addProfile('alice', 'dyn', {challenge, inputs: [], port: 1195})
    const tty = await stage.open({jobs: true})
    await tty.type('ovpn3 session-start dyn --foreground', 'Enter')
    await tty.shows(/The code on your token:/)
    await tty.type('987', 'Enter')
    await tty.shows(/dyn \(\w{8}\): connected to/)
    await tty.type('C-z')
    await tty.shows(/Stopped/)
    await tty.type('fg', 'Enter')
    await tty.shows(/fg\n/)
    await tty.type('C-c')
    await tty.shows(/dyn \(\w{8}\): disconnected[^]*\n>$/)
    assert.deepEqual(await world.sessions(), [])
  })

  it('keeps the session connected if the terminal is closed', async () => {
    const tty = await stage.open()
    await tty.type('ovpn3 session-start cert --foreground', 'Enter')
    await tty.shows(/cert \(\w{8}\): connected to/)
    await tty.close()
    const [session] = await stage.world.sessions()
    assert.equal(stage.world.status(session!)[1], 7)
  })
})
