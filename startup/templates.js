'use strict'

/**
 * Replaces EJS in the bundle. Nearly all templates in help are simple names: `<%= config.bin %>`, `<%= command.id %>`.
 * EJS is only loaded for other templates.
 */
module.exports.render = (template, context) => {
  const text = template.replaceAll(/<%= (\w+)\.(\w+) %>/g, (tag, object, key) => {
    const name = context[object]?.[key]
    // EJS would escape other characters.
    return /^[\w:-]+$/.test(name) ? name : tag
  })
  return text.includes('<%') ? require('ejs').render(text, context) : text
}
