import {bashReplies, type BashRequest, bashWords} from '@ovpn3/plugin-autocomplete/dist/engine/bash'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

/** What bash tells where the cursor is at `|`. `words` are COMP_WORDS as bash makes them. */
function request(line: string, words: readonly string[], replaced: string, type = 9): BashRequest {
  return {columns: 40, line: line.slice(0, line.indexOf('|')), replaced, type, words}
}

describe('what bash says of a line', () => {
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
    it(line, () => {
      const end = line.lastIndexOf('|')
      assert.deepEqual(bashWords({columns: 80, line: line.slice(0, end), replaced: '', type: 9, words}), expected)
    })
  }

  it('quotes of every kind', () => {
    const word = String.raw`a'b c'"d\"e\$f\g"\ h`
    assert.deepEqual(bashWords(request(`${word}|`, [word], '')), [String.raw`ab cd"e$f\g h`])
  })
})

describe('what bash gets', () => {
  const names = ['my vpn', "it's", 'say "hi"', 'a$b', String.raw`c\d`, 'e:f', 'Zürich'].map((value) => ({value}))
  const replies = (typed: string, replaced: string, words: readonly string[]) =>
    bashReplies(request(`${typed}|`, words, replaced), names)

  it('is quoted where no quote is open', () => {
    const expected = [String.raw`my\ vpn`, String.raw`it\'s`, String.raw`say\ \"hi\"`, String.raw`a\$b`]
    assert.deepEqual(replies('', '', ['']), [...expected, String.raw`c\\d`, 'e:f', 'Zürich'])
  })

  it('is quoted for the quote that is open', () => {
    assert.deepEqual(replies('"s', 's', ['"s']), [String.raw`say \"hi\"` + '"'])
    assert.deepEqual(replies('"a', 'a', ['"a']), [String.raw`a\$b`])
    assert.deepEqual(replies("'i", 'i', ["'i"]), [String.raw`it'\''s`])
    assert.deepEqual(replies("'a", 'a', ["'a"]), ['a$b'])
  })

  it('keeps ! from the history of the shell, also within double quotes', () => {
    const reply = (typed: string, replaced: string) =>
      bashReplies(request(`${typed}|`, [typed], replaced), [{value: 'go!now'}, {value: 'wow!'}])
    assert.deepEqual(reply('g', 'g'), [String.raw`go\!now`])
    assert.deepEqual(reply('"g', 'g'), [String.raw`go"\!"now`])
    assert.deepEqual(reply(String.raw`"go"\!"n`, 'n'), ['now'])
    assert.deepEqual(reply('"go!', 'go!'), [String.raw`go"\!"now`])
    assert.deepEqual(reply('"w', 'w'), [String.raw`wow"\!""`])
    assert.deepEqual(reply("'g", 'g'), ['go!now'])
  })

  it('begins where bash will replace', () => {
    assert.deepEqual(replies('e:', '', ['e', ':']), ['f'])
    assert.deepEqual(replies(String.raw`my\ v`, String.raw`my\ v`, [String.raw`my\ v`]), [String.raw`my\ vpn`])
  })

  it('only what begins as typed', () => {
    assert.deepEqual(replies('x', 'x', ['x']), [])
  })

  it('has descriptions where it is only shown, one a line that fits', () => {
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
