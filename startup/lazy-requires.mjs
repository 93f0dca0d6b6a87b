/**
 * Makes a module that TypeScript compiled load what it requires when that is first used, and not when it is loaded
 * itself: `const x_1 = require("y")` becomes a function, and each use of `x_1` a call of it. The compiler makes sure that
 * nothing else has such a name.
 */
export function lazyRequires(code) {
  const names = []
  const declared = code.replaceAll(
    /^(?:const|var) (\w+_\d+) = ((?:__import\w+\()?require\("[^"]+"\)\)?);$/gm,
    (_, name, value) => {
      names.push(name)
      return `let $${name}; const ${name} = () => ($${name} ??= ${value});`
    },
  )
  if (names.length === 0) return code
  return declared.replaceAll(new RegExp(`(?<![$\\w])(?:${names.join('|')})\\b(?! = \\()`, 'g'), '($&())')
}
