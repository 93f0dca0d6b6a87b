import {bashReplies, type BashRequest, bashWords} from '@ovpn3/plugin-autocomplete/dist/engine/bash'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

/** The request that bash makes for a line with the cursor at `|`. `words` are COMP_WORDS as bash splits them. */
function request(line: string, words: readonly string[], replaced: string, type = 9): BashRequest {
  return {columns: 40, line: line.slice(0, line.indexOf('|')), replaced, type, words}
}

describe('words of a bash completion request', () => {
  const cases: readonly (readonly [line: string, words: readonly string[], expected: readonly string[]])[] = [
    ['ovpn3 |', ['ovpn3', ''], ['ovpn3', '']],
    ['ovpn3 sess|', ['ovpn3', 'sess'], ['ovpn3', 'sess']],
    ['ovpn3 x --config=of|', ['ovpn3', 'x', '--config', '=', 'of'], ['ovpn3', 'x', '--config=of']],
    ['ovpn3 x --config=|', ['ovpn3', 'x', '--config', '='], ['ovpn3', 'x', '--config=']],
    ['ovpn3 -c a:b y|', ['ovpn3', '-c', 'a', ':', 'b', 'y'], ['ovpn3', '-c', 'a:b', 'y']],
    ['ovpn3 -c a : b|', ['ovpn3', '-c', 'a', ':', 'b'], ['ovpn3', '-c', 'a', ':', 'b']],
    [String.raw`ovpn3 -c my\ vpn -|`, ['ovpn3', '-c', String.raw`my\ vpn`, '-'], ['ovpn3', '-c', 'my vpn', '-']],
    ['ovpn3 -c "my vpn" -|', ['ovpn3', '-c', '"my vpn"', '-'], ['ovpn3', '-c', 'my vpn', '-']],
    ['ovpn3 -c "my v|', ['ovpn3', '-c', '"my v'], ['ovpn3', '-c', 'my v']],
    ['ovpn3 --pau|se', ['ovpn3', '--pause'], ['ovpn3', '--pau']],
    ['x x | ovpn3 -c Zü|', ['ovpn3', '-c', 'Zü'], ['ovpn3', '-c', 'Zü']],
  ]
  for (const [line, words, expected] of cases) {
    it(`are split up to the cursor: ${line}`, () => {
      const end = line.lastIndexOf('|')
      assert.deepEqual(bashWords({columns: 80, line: line.slice(0, end), replaced: '', type: 9, words}), expected)
    })
  }

  it('are unquoted', () => {
    const word = String.raw`a'b c'"d\"e\$f\g"\ h`
    assert.deepEqual(bashWords(request(`${word}|`, [word], '')), [String.raw`ab cd"e$f\g h`])
  })
})

describe('replies to bash', () => {
  const names = ['my vpn', "it's", 'say "hi"', 'a$b', String.raw`c\d`, 'e:f', 'Zürich'].map((value) => ({value}))
  const replies = (typed: string, replaced: string, words: readonly string[]) =>
    bashReplies(request(`${typed}|`, words, replaced), names)

  it('are quoted if no quote is open', () => {
    const expected = [String.raw`my\ vpn`, String.raw`it\'s`, String.raw`say\ \"hi\"`, String.raw`a\$b`]
    assert.deepEqual(replies('', '', ['']), [...expected, String.raw`c\\d`, 'e:f', 'Zürich'])
  })

  it('are quoted to match an open quote', () => {
    assert.deepEqual(replies('"s', 's', ['"s']), [String.raw`say \"hi\"` + '"'])
    assert.deepEqual(replies('"a', 'a', ['"a']), [String.raw`a\$b`])
    assert.deepEqual(replies("'i", 'i', ["'i"]), [String.raw`it'\''s`])
    assert.deepEqual(replies("'a", 'a', ["'a"]), ['a$b'])
  })

  it('protect ! from history expansion, also within double quotes', () => {
    const reply = (typed: string, replaced: string) =>
      bashReplies(request(`${typed}|`, [typed], replaced), [{value: 'go!now'}, {value: 'wow!'}])
    assert.deepEqual(reply('g', 'g'), [String.raw`go\!now`])
    assert.deepEqual(reply('"g', 'g'), [String.raw`go"\!"now`])
    assert.deepEqual(reply(String.raw`"go"\!"n`, 'n'), ['now'])
    assert.deepEqual(reply('"go!', 'go!'), [String.raw`go"\!"now`])
    assert.deepEqual(reply('"w', 'w'), [String.raw`wow"\!""`])
    assert.deepEqual(reply("'g", 'g'), ['go!now'])
  })

  it('start at the part of the word that bash replaces', () => {
    assert.deepEqual(replies('e:', '', ['e', ':']), ['f'])
    assert.deepEqual(replies(String.raw`my\ v`, String.raw`my\ v`, [String.raw`my\ v`]), [String.raw`my\ vpn`])
  })

  it('contain only values with the typed prefix', () => {
    assert.deepEqual(replies('x', 'x', ['x']), [])
  })

  it('have descriptions if bash only lists them, one per line and no wider than the terminal', () => {
    const options = [
      {description: 'Pause a session', value: '--pause'},
      {description: 'With --pause: the reason, for the log', value: '--reason'},
    ]
    const shown = (type: number) => bashReplies(request('--|', ['--'], '--', type), options)
    assert.deepEqual(shown(9), ['--pause', '--reason'])
    assert.deepEqual(shown(37), ['--pause', '--reason'])
    const [first, second] = shown(63)
    assert.equal(first!.trimEnd(), '--pause   Pause a session')
    assert.equal(second, '--reason  With --pause: the reason, for')
    assert.equal(first!.length, 39)
  })
})
