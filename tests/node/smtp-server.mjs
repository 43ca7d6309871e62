// A real SMTP server for the tests, as a process of its own.
//
//   node smtp-server.mjs [--fault none|451|550|drop|slow] [--times N]
//                        [--delay MS] [--auth USER:PASSWORD] [--port PORT]
//
// It listens on 127.0.0.1, on a port that the system chooses unless one is named, and prints one JSON
// line when it is ready:
//
//   {"listening":PORT}
//
// then one for each letter, before the sender hears that it was accepted:
//
//   {"from","to":[…],"subject","text","html","raw"}
//
// "from" and "to" are the envelope's, so a blind copy shows; "subject", "text"
// and "html" are what a mail reader would show, null where the letter has none;
// "raw" is the letter as it came.
//
// --fault  what goes wrong with the first --times letters (without --times, with
//          all of them):
//          451    DATA is refused for now; the sender should try again
//          550    DATA is refused for good
//          drop   the connection is closed in the middle of DATA
//          slow   each RCPT is answered only after --delay (1000 ms)
// --auth   a letter is taken only from a sender who signed in by AUTH PLAIN or
//          LOGIN; there is no TLS here, so the password travels in the open.
//
// It ends when its standard input closes: a test that is killed closes the pipe,
// and leaves nothing behind. So start it with standard input a pipe.

import { parseArgs } from 'node:util'
import { timingSafeEqual, createHash } from 'node:crypto'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'

const FAULTS = ['none', '451', '550', 'drop', 'slow']

function refuseToStart(sentence) {
  console.error(`smtp-server: ${sentence}`)
  process.exit(2)
}

function readOptions() {
  let values
  try {
    values = parseArgs({
      options: {
        fault: { type: 'string', default: 'none' },
        times: { type: 'string' },
        delay: { type: 'string', default: '1000' },
        auth: { type: 'string' },
        port: { type: 'string' },
      },
    }).values
  } catch (error) {
    refuseToStart(error.message)
  }
  const { fault, auth } = values
  if (!FAULTS.includes(fault)) refuseToStart(`--fault is one of ${FAULTS.join(', ')}.`)
  for (const name of ['times', 'delay', 'port']) {
    if (values[name] !== undefined && !/^\d+$/.test(values[name])) {
      refuseToStart(`--${name} is a whole number.`)
    }
  }
  const colon = auth?.indexOf(':') ?? 0
  if (colon < 0) refuseToStart('--auth is USER:PASSWORD.')
  return {
    fault,
    // How many letters the fault still meets.
    times: values.times === undefined ? Infinity : Number(values.times),
    delay: Number(values.delay),
    port: Number(values.port ?? 0),
    auth: auth === undefined ? undefined : { user: auth.slice(0, colon), pass: auth.slice(colon + 1) },
  }
}

const options = readOptions()
let faultsLeft = options.fault === 'none' ? 0 : options.times

/** Whether the fault meets this letter; if so, one letter fewer is left to it. */
function meets(...faults) {
  if (faultsLeft <= 0 || !faults.includes(options.fault)) return false
  faultsLeft -= 1
  return true
}

function refusal(code, words) {
  return Object.assign(new Error(words), { responseCode: code })
}

/** Resolves once the line is out, so that a reader has it before the sender's 250. */
function print(line) {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, resolve))
}

async function readAll(stream) {
  const pieces = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

function same(a, b) {
  const hash = (text) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}

async function take(stream, session) {
  if (meets('drop')) {
    const drop = () => sockets.get(session.remotePort)?.destroy()
    stream.once('data', drop).once('end', drop)
    // Nobody is left to answer.
    return new Promise(() => {})
  }
  const raw = await readAll(stream)
  if (meets('451')) throw refusal(451, 'Try again later')
  if (meets('550')) throw refusal(550, 'Not wanted here')
  const letter = await PostalMime.parse(raw)
  await print({
    from: session.envelope.mailFrom ? session.envelope.mailFrom.address : '',
    to: session.envelope.rcptTo.map((recipient) => recipient.address),
    subject: letter.subject ?? null,
    text: letter.text ?? null,
    html: letter.html ?? null,
    raw: raw.toString('utf8'),
  })
}

const server = new SMTPServer({
  name: 'localhost',
  logger: false,
  disableReverseLookup: true,
  disabledCommands: options.auth ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
  authOptional: !options.auth,
  allowInsecureAuth: true,
  authMethods: ['PLAIN', 'LOGIN'],

  onAuth(auth, _session, answer) {
    const right = same(auth.username ?? '', options.auth.user) && same(auth.password ?? '', options.auth.pass)
    if (right) answer(null, { user: auth.username })
    else answer(refusal(535, 'Wrong user or password'))
  },

  onRcptTo(_address, session, answer) {
    // One letter may have many recipients; each of them waits, and all of them
    // are one letter.
    const first = session.envelope.rcptTo.length === 0
    if (first) session.slow = meets('slow')
    if (session.slow) setTimeout(answer, options.delay)
    else answer()
  },

  onData(stream, session, answer) {
    take(stream, session).then(() => answer(), answer)
  },
})

// A session knows its sender's port, but not its socket, which "drop" destroys.
const sockets = new Map()
server.server.on('connection', (socket) => {
  const port = socket.remotePort
  sockets.set(port, socket)
  socket.once('close', () => {
    if (sockets.get(port) === socket) sockets.delete(port)
  })
})

// A sender that goes away in the middle is the sender's business.
server.on('error', (error) => {
  if (error.syscall === 'listen') refuseToStart(error.message)
})

server.listen(options.port, '127.0.0.1', () => print({ listening: server.server.address().port }))

process.stdin.on('end', () => process.exit(0))
process.stdin.on('error', () => process.exit(0))
process.stdin.resume()
