import {tableText} from '@ovpn3/kit'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('table', () => {
  const columns = [
    {header: 'ID'},
    {flexible: true, header: 'NAME'},
    {dropOrder: 2, header: 'A'},
    {dropOrder: 1, header: 'B'},
  ]
  const rows = [['1', 'a name of 20 letters', 'aaaa', 'bbbb']]
  const lineAt = (width?: number) => tableText(columns, rows, width).split('\n')[1]

  it('is as wide as its text without a terminal', () => {
    assert.equal(lineAt(), '1   a name of 20 letters  aaaa  bbbb')
  })

  it('cuts flexible columns, then omits columns, the lowest number first', () => {
    assert.equal(lineAt(36), '1   a name of 20 letters  aaaa  bbbb')
    assert.equal(lineAt(35), '1   a name of 20 lette…  aaaa  bbbb')
    assert.equal(lineAt(26), '1   a name of…  aaaa  bbbb')
    assert.equal(lineAt(23), '1   a name of 20…  aaaa')
    assert.equal(lineAt(17), '1   a name of 20…')
    assert.equal(lineAt(4), '1   a…')
  })

  it('has room for emoji whose parts are drawn side by side', () => {
    const [first, second] = tableText(
      [{header: 'A'}, {header: 'B'}],
      [
        ['👩‍👩‍👧', 'x'],
        ['👍🏽', 'x'],
      ],
    )
      .split('\n')
      .slice(1)
    assert.deepEqual([first, second], ['👩‍👩‍👧  x', '👍🏽    x'])
    assert.equal(tableText([{flexible: true, header: 'A'}], [['👩‍👩‍👧👩‍👩‍👧']], 8).split('\n')[1], '👩‍👩‍👧…')
  })

  it('cuts no column below its minimum', () => {
    assert.equal(tableText([{flexible: true, header: 'NAME', minimum: 6}], [['0123456789']], 4), 'NAME\n01234…')
  })
})
