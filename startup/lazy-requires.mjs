import ts from 'typescript'

/**
 * Makes a CommonJS module load what it requires when that is first used, and not when it is loaded itself:
 * `const x = require('y')` at its top, as compilers write it, becomes a function, and each use of `x` a call of it. What a
 * module exports straight from another (`exports.x = require('y')`) becomes a getter. A name that is also declared
 * elsewhere in the module is left alone.
 */
export function lazyRequires(code, file) {
  if (!code.includes('require(')) return code
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const identifiers = []
  const collect = (node) => {
    if (ts.isIdentifier(node)) identifiers.push(node)
    ts.forEachChild(node, collect)
  }

  collect(source)
  const edits = source.statements.flatMap((statement) => {
    const {exported, name, value} = requireOf(statement) ?? {}
    const text = value?.getText(source)
    if (exported) return [edit(statement, source, `{ let m; ${getter(exported, `m ??= ${text}`)} }`)]
    if (!name) return []
    const wrapping = source.statements.find((other) => wrappedName(other) === name.text)
    const uses = identifiers.filter(
      (node) => node.text === name.text && node !== name && isReference(node) && !isWithin(node, wrapping),
    )
    if (uses.some((use) => isDeclaration(use) || isAssigned(use))) return []
    const loaded = `${name.text}$loaded`
    const loading = wrapping ? `__toESM(${text}, 1)` : text
    return [
      edit(statement, source, `let ${loaded}; const ${name.text} = () => ${loaded} ??= ${loading};`),
      ...(wrapping ? [edit(wrapping, source, '')] : []),
      ...uses.flatMap((use) => called(use, source)),
    ]
  })
  return edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, {end, start, to}) => text.slice(0, start) + to + text.slice(end), code)
}

const getter = (name, value) =>
  `Object.defineProperty(exports, "${name}", {configurable: true, enumerable: true, get: () => ${value}});`

/** The name that a statement at the top gives to what it requires. */
function requireOf(statement) {
  if (ts.isVariableStatement(statement)) {
    const [declaration, ...others] = statement.declarationList.declarations
    const {initializer, name} = declaration
    if (others.length === 0 && ts.isIdentifier(name) && initializer && isRequire(initializer))
      return {name, value: initializer}
  }

  if (!ts.isExpressionStatement(statement) || !ts.isBinaryExpression(statement.expression)) return
  const {left, operatorToken, right} = statement.expression
  if (operatorToken.kind !== ts.SyntaxKind.EqualsToken || !ts.isPropertyAccessExpression(left)) return
  if (left.expression.getText() !== 'exports' || !isRequire(right)) return
  return {exported: left.name.text, value: right}
}

function isRequire(node) {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || node.arguments.length !== 1) return false
  if (node.expression.text === 'require') return ts.isStringLiteral(node.arguments[0])
  return ['__importDefault', '__importStar'].includes(node.expression.text) && isRequire(node.arguments[0])
}

/** Not only the name of a property. */
function isReference(node) {
  const {parent} = node
  return !((ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) && parent.name === node)
}

function isDeclaration(node) {
  const {parent} = node
  return (
    (ts.isParameter(parent) || ts.isVariableDeclaration(parent) || ts.isBindingElement(parent)) && parent.name === node
  )
}

const isAssigned = ({parent}) =>
  ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken

const isWithin = (node, statement) => statement && node.pos >= statement.pos && node.end <= statement.end

/** The name in `x = __toESM(x, 1)`, which some bundlers write below the require. */
function wrappedName(statement) {
  return /^(\w+) = __toESM\(\1, 1\);$/.exec(statement.getText())?.[1]
}

/** What becomes of a use. `new x.Y()` needs parentheses: without them, it would be x that is made. */
function called(use, source) {
  const call = `${use.text}()`
  if (ts.isShorthandPropertyAssignment(use.parent)) return [edit(use, source, `${use.text}: ${call}`)]
  let whole = use
  while (ts.isPropertyAccessExpression(whole.parent)) whole = whole.parent
  if (!ts.isNewExpression(whole.parent) || whole.parent.expression !== whole) return [edit(use, source, call)]
  return [edit(use, source, `(${call}`), {end: whole.end, start: whole.end, to: ')'}]
}

const edit = (node, source, to) => ({end: node.end, start: node.getStart(source), to})
