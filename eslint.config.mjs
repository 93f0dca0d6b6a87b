import oclif from 'eslint-config-oclif'
import prettier from 'eslint-config-prettier'

/** The layers, from the bottom up: what a folder may not import. */
const layers = [
  {
    files: ['src/lib/**'],
    message: 'src/lib knows no CLI',
    regex: '^@oclif/|^@ovpn3/kit$|/(commands|hooks)/',
  },
  {
    files: ['src/commands/**'],
    message: 'commands get sessions from the session-resolver hook',
    regex: 'lib/(bus|openvpn3)',
  },
  {
    files: ['src/complete.ts', 'src/completion/**'],
    message: 'completion starts without oclif',
    regex: '^@oclif/|^@ovpn3/kit$|/commands/',
  },
  {files: ['packages/kit/src/model/**'], message: "kit's model is plain", regex: String.raw`^@oclif/|^\.\./`},
  {files: ['plugins/*/src/**'], message: 'plugins build on @ovpn3/kit alone', regex: 'src/(lib|hooks)'},
]

const forbid = (patterns) => ({'no-restricted-imports': ['error', {patterns}]})
const onlyBus = {regex: '^dbus-next$', message: 'src/lib/bus is the only importer of dbus-next'}

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
      'unicorn/no-array-reduce': 'off',
      'unicorn/no-negated-condition': 'off',
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
  {files: ['src/**', 'packages/**'], ignores: ['src/lib/bus/**'], rules: forbid([onlyBus])},
  ...layers.map(({files, message, regex}) => ({
    files,
    ignores: ['src/lib/bus/**'],
    rules: forbid([onlyBus, {message, regex}]),
  })),
  {
    files: ['bin/**'],
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      'n/no-unsupported-features/node-builtins': [
        'error',
        {allowExperimental: true, ignores: ['module.enableCompileCache', 'zlib.crc32']},
      ],
      'no-bitwise': 'off',
      // the bundle is made by the build
      'n/no-missing-require': 'off',
    },
  },
  {files: ['scripts/**'], rules: {'n/no-process-exit': 'off', 'unicorn/no-process-exit': 'off'}},
]
