import oclif from 'eslint-config-oclif'
import prettier from 'eslint-config-prettier'

const onlyBus = {regex: '^dbus-next$', message: 'src/lib/bus is the only importer of dbus-next'}
const noCli = {regex: '^@oclif/|^@ovpn3/kit$|/(commands|hooks)/', message: 'src/lib knows no CLI'}
/** The layers, from the bottom up: what a folder may not import. The last that a file is in counts. */
const layers = [
  {files: ['src/**', 'packages/**'], patterns: [onlyBus]},
  {files: ['startup/**'], patterns: [{regex: 'lib/', message: 'start-up knows the parts of src by their entries'}]},
  {files: ['src/lib/**'], patterns: [onlyBus, noCli]},
  {
    files: ['src/lib/bus/**'],
    patterns: [noCli, {regex: '/openvpn3', message: 'the bus knows no service'}],
  },
  {files: ['src/lib/openvpn3/**'], patterns: [onlyBus, noCli]},
  {
    files: ['src/hooks/**'],
    patterns: [onlyBus, {regex: 'lib/bus', message: 'hooks see the service through src/lib/openvpn3'}],
  },
  {
    files: ['src/commands/**'],
    patterns: [onlyBus, {regex: 'lib/(bus|openvpn3)', message: 'commands get sessions from the session-resolver hook'}],
  },
  {
    files: ['src/complete.ts', 'src/plugins/**'],
    patterns: [
      onlyBus,
      {regex: '^@oclif/|^@ovpn3/kit$|/commands/|lib/', message: 'completion starts without oclif, and asks the hook'},
    ],
  },
  {
    files: ['packages/kit/src/flags/**'],
    patterns: [onlyBus, {regex: '^@oclif/', message: 'completion reads flags without oclif'}],
  },
  {
    files: ['packages/sessions/src/**'],
    patterns: [onlyBus, {regex: '^@|^node:', message: 'the domain knows no CLI, no bus and no machine'}],
  },
  {
    files: ['plugins/*/src/**'],
    patterns: [onlyBus, {regex: 'src/(lib|hooks)', message: 'plugins build on @ovpn3/kit alone'}],
  },
  {
    files: ['plugins/autocomplete/src/engine/**'],
    patterns: [
      onlyBus,
      {
        regex: String.raw`^@oclif/|^@ovpn3/kit$|^\.\./`,
        message: 'completion starts without oclif and without the command',
      },
    ],
  },
]

export default [
  {ignores: ['**/dist/**', 'build/**', '**/node_modules/**']},
  ...oclif,
  prettier,
  {
    rules: {
      // order by meaning reads better than order by name
      'perfectionist/sort-classes': 'off',
      'perfectionist/sort-enums': 'off',
      'perfectionist/sort-exports': 'off',
      'perfectionist/sort-interfaces': 'off',
      'perfectionist/sort-modules': 'off',
      'perfectionist/sort-object-types': 'off',
      'perfectionist/sort-objects': 'off',
      'perfectionist/sort-sets': 'off',
      'perfectionist/sort-switch-case': 'off',
      'perfectionist/sort-union-types': 'off',
      // what has to happen in turn has to be awaited in turn
      'no-await-in-loop': 'off',
      // names of D-Bus properties
      camelcase: 'off',
      'no-void': 'off',
      'unicorn/prefer-module': 'off',
      'unicorn/no-unreadable-array-destructuring': 'off',
      'unicorn/consistent-function-scoping': 'off',
      // sources have a `find` that is no array's
      'unicorn/no-array-callback-reference': 'off',
      'unicorn/no-array-method-this-argument': 'off',
      'unicorn/no-array-reduce': 'off',
      'unicorn/no-negated-condition': 'off',
      'unicorn/switch-case-braces': ['error', 'avoid'],
      'n/no-missing-import': 'off',
      'import/no-unresolved': 'off',
      'jsdoc/check-param-names': 'off',
      'jsdoc/check-tag-names': 'off',
      'jsdoc/multiline-blocks': 'off',
      'jsdoc/require-yields': 'off',
      'jsdoc/require-param-description': 'off',
      'jsdoc/require-returns-check': 'off',
      'jsdoc/require-throws-type': 'off',
    },
  },
  {
    files: ['bench/**', 'test/**', '**/test/**'],
    rules: {
      'max-nested-callbacks': 'off',
      'no-bitwise': 'off',
      'max-params': 'off',
      'n/no-process-exit': 'off',
      'unicorn/no-process-exit': 'off',
      // CommonJS has none
      'unicorn/prefer-top-level-await': 'off',
      'n/no-extraneous-import': 'off',
      'n/no-missing-require': 'off',
      'unicorn/consistent-function-scoping': 'off',
      'mocha/no-mocha-arrows': 'off',
      'mocha/max-top-level-suites': 'off',
      'mocha/no-setup-in-describe': 'off',
      'mocha/no-async-describe': 'off',
      'mocha/consistent-spacing-between-blocks': 'off',
      'mocha/handle-done-callback': 'off',
      'mocha/no-skipped-tests': 'off',
      // a shared stage sets its hooks up for the suite that asks for it
      'mocha/no-top-level-hooks': 'off',
      'n/no-unsupported-features/node-builtins': 'off',
    },
  },
  ...layers.map(({files, patterns}) => ({files, rules: {'no-restricted-imports': ['error', {patterns}]}})),
  {
    files: ['bin/**', 'startup/*.js'],
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      'n/no-unsupported-features/node-builtins': ['error', {allowExperimental: true, ignores: ['zlib.crc32']}],
      'no-bitwise': 'off',
      // what is bundled, and the bundle, which is made by the build
      'n/no-extraneous-require': 'off',
      'n/no-missing-require': 'off',
    },
  },
  {files: ['scripts/**'], rules: {'n/no-process-exit': 'off', 'unicorn/no-process-exit': 'off'}},
]
