// Makes tests/PROOF.md of what the tests measured, and prints its table.
//
//   node tests/support/write-proof.mjs LINES CODE
//
// LINES is a file with one JSON object a line, of two kinds:
//
//   {"promise":…,"target":…,"figure":…,"seed":…,"held":true|false}
//   {"version":"PostgreSQL 16.2"}
//
// CODE is the exit code of the tests. The exit code here is 1 when a promise did
// not hold, when nothing was measured, or when CODE is not 0: a test that failed
// may never have written its line, and the page then says so.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../PROOF.md', import.meta.url))
const COLUMNS = ['promise', 'target', 'figure', 'held', 'seed']

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

const [lines, codeText] = process.argv.slice(2)
if (lines === undefined || !/^\d+$/.test(codeText ?? '')) fail('call it as: write-proof.mjs LINES CODE')
const code = Number(codeText)

const { promises, versions } = read(lines)
if (promises.length === 0) fail('no promise was measured, so there is nothing to write.')

const broken = promises.filter((entry) => entry.held !== true)
const measured = table(promises.map(row))
const verdict =
  broken.length === 0
    ? `Held: all of ${promises.length}.`
    : `Held: ${promises.length - broken.length} of ${promises.length}. **${broken.length} did not.**`
const incomplete =
  code === 0 ? '' : `\n\nThe tests ended with an error (exit code ${code}), so lines may be missing.`

const page = `# Proof

Each promise of Teller at its full size, as \`make prove\` measured it. This page is
written by that command; to renew it, run the command again. A figure with a seed
can be repeated with that seed.

- Date: ${new Date().toISOString().slice(0, 10)}
- Machine: ${machine()}
- Databases: ${versions.join(', ') || 'not reported'}

${verdict}${incomplete}

${measured}
`

// A page that is half written must not stand where a whole one stood.
writeFileSync(`${PAGE}.new`, page)
renameSync(`${PAGE}.new`, PAGE)

console.log(`\n${measured}\n\n${verdict}${incomplete}\nWritten to tests/PROOF.md`)
process.exitCode = broken.length > 0 || code !== 0 ? 1 : 0
