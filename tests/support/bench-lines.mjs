// Makes lines for write-proof.mjs of what `teller bench --json` printed.
//
//   node tests/support/bench-lines.mjs DATABASE <REPORT >LINES
//
// A row without a target is left out: it promises nothing. One with a target that
// could not be judged, because its peer is missing, has not held.

import { readFileSync } from 'node:fs'

const [database] = process.argv.slice(2)
const report = JSON.parse(readFileSync(0, 'utf8'))
const show = (figure) => (figure >= 100 ? figure.toFixed(0) : figure.toFixed(2))

for (const row of report.rows) {
  if (row.target === null) continue
  const ours = row.figure === null ? 'not measured' : `${show(row.figure)} ${row.unit}`
  const peer = row.peer_figure === null ? '' : `; ${show(row.peer_figure)} ${row.peer}`
  const ratio = row.ratio === null ? '' : `${show(row.ratio)} times: `
  const why = row.held === null && row.note !== null ? `; ${row.note}` : ''
  const line = {
    promise: `bench: ${row.what}, ${database}`,
    target: row.target,
    figure: `${ratio}${ours}${peer}${why}`,
    seed: report.seed,
    held: row.held === true,
  }
  console.log(JSON.stringify(line))
}
