/**
 * Delays the `require` calls of a module that TypeScript has compiled until the first use of their results: `const x_1
 * = require("y")` becomes a function, and each use of `x_1` a call. The compiler ensures that these names are unique.
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
