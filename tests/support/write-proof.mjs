// Makes tests/PROOF.md of what the tests measured, and prints its table.
//
//   node tests/support/write-proof.mjs LINES CODE [--keep]
//
// LINES is a file with one JSON object a line, of two kinds:
//
//   {"promise":…,"target":…,"figure":…,"seed":…,"held":true|false}
//   {"version":"PostgreSQL 16.2"}
//
// CODE is the exit code of the tests. The exit code here is 1 when a promise did
// not hold, when nothing was measured, or when CODE is not 0: a test that failed
// may never have written its line, and the page then says so. With --keep the rows
// that stand in the page already stay, but for those that were measured anew.

import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../..', import.meta.url)
const PAGE = fileURLToPath(new URL('tests/PROOF.md', ROOT))
const COLUMNS = ['promise', 'target', 'figure', 'held', 'seed', 'measured']

function fail(sentence) {
  console.error(`write-proof: ${sentence}`)
  process.exit(1)
}

function read(path) {
  const promises = []
  const versions = new Set()
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (line.trim() === '') return
      let entry
      try {
        entry = JSON.parse(line)
      } catch {
        fail(`line ${index + 1} is not JSON: ${line}`)
      }
      if (typeof entry.version === 'string') versions.add(entry.version)
      else if (typeof entry.promise === 'string') promises.push(entry)
      else fail(`line ${index + 1} has neither a promise nor a version: ${line}`)
    })
  return { promises, versions: [...versions].sort() }
}

/** One row of the table, every cell a text on one line. */
function row(entry) {
  const shown = { ...entry, held: entry.held === true ? 'yes' : 'NO' }
  return COLUMNS.map((column) => String(shown[column] ?? '').replace(/\s+/g, ' ').trim())
}

/** What stands in the page: the entries of its table, and what its head says. */
function standing() {
  const lines = readFileSync(PAGE, 'utf8').split('\n')
  const said = (word) => {
    const found = lines.find((line) => line.startsWith(`- ${word}: `))
    return found ? found.slice(word.length + 4).split('; ') : []
  }
  const cells = lines
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
  if (cells[0]?.join() !== COLUMNS.join()) fail(`the table in ${PAGE} has other columns; prove all.`)
  const promises = cells.slice(1).map((cells) => {
    const entry = Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i]]))
    return { ...entry, held: entry.held === 'yes' }
  })
  return { promises, machines: said('Machine'), versions: said('Databases') }
}

/** The faults by their numbers, then the other promises, then the bench. */
function place({ promise }) {
  const fault = /^F(\d+) /.exec(promise)
  if (fault) return Number(fault[1])
  return promise.startsWith('bench: ') ? 2_000 : 1_000
}

/** The day, and the commit that was measured; "+" where something else than the page had changed. */
function today() {
  const day = new Date().toISOString().slice(0, 10)
  const git = (...words) => execFileSync('git', words, { encoding: 'utf8', cwd: fileURLToPath(ROOT) })
  try {
    const commit = git('rev-parse', '--short=7', 'HEAD').trim()
    const changed = git('status', '--porcelain', '--', '.', ':!tests/PROOF.md').trim() !== ''
    return `${day}, ${commit}${changed ? '+' : ''}`
  } catch {
    return day
  }
}

/** A table that reads well both as Markdown and in a terminal. */
function table(rows) {
  const cells = [COLUMNS, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((cells) => cells[i].length)))
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

function machine() {
  const processors = cpus()
  const gib = Math.round((totalmem() / 2 ** 30) * 10) / 10
  const model = processors[0]?.model.replace(/\s+/g, ' ').trim() || 'unknown processor'
  return `${model}, ${processors.length} cores, ${gib} GiB of memory, ${type()} ${release().split('-')[0]}`
}

const [lines, codeText, how] = process.argv.slice(2)
if (lines === undefined || !/^\d+$/.test(codeText ?? '') || ![undefined, '--keep'].includes(how)) {
  fail('call it as: write-proof.mjs LINES CODE [--keep]')
}
const code = Number(codeText)

const now = today()
const fresh = read(lines)
if (fresh.promises.length === 0) fail('no promise was measured, so there is nothing to write.')
const kept = how === '--keep' ? standing() : { promises: [], machines: [], versions: [] }

const renewed = new Set(fresh.promises.map((entry) => entry.promise))
const promises = kept.promises
  .filter((entry) => !renewed.has(entry.promise))
  .concat(fresh.promises.map((entry) => ({ ...entry, measured: now })))
  .sort((one, two) => place(one) - place(two))
const machines = new Set([...kept.machines, machine()])
const versions = new Set([...kept.versions, ...fresh.versions])

const broken = promises.filter((entry) => entry.held !== true)
const measured = table(fresh.promises.map((entry) => row({ ...entry, measured: now })))
const verdict =
  broken.length === 0
    ? `Held: all of ${promises.length}.`
    : `Held: ${promises.length - broken.length} of ${promises.length}. **${broken.length} did not.**`
const incomplete =
  code === 0
    ? ''
    : `\n\nThe tests of ${now} ended with an error (exit code ${code}), so lines may be missing or older.`

const page = `# Proof

Each promise of Teller at its full size, as \`make prove\` measured it: all at once, or the
part that its \`ARGS\` named. The last column says on which day, and of which commit. This
page is written by that command; to renew it, run the command again. A figure with a seed
can be repeated with that seed.

- Machine: ${[...machines].join('; ')}
- Databases: ${[...versions].sort().join('; ') || 'not reported'}

${verdict}${incomplete}

${table(promises.map(row))}
`

// A page that is half written must not stand where a whole one stood.
writeFileSync(`${PAGE}.new`, page)
renameSync(`${PAGE}.new`, PAGE)

console.log(`\n${measured}\n\n${verdict}${incomplete}\nWritten to tests/PROOF.md`)
process.exitCode = code !== 0 || fresh.promises.some((entry) => entry.held !== true) ? 1 : 0
