// Serves an empty DynamoDB on a free port of loopback, until standard input ends.
const dynalite = require('dynalite')

const server = dynalite({ createTableMs: 0, deleteTableMs: 0 })
server.listen(0, '127.0.0.1', () => {
  console.log(`dynalite listening on http://127.0.0.1:${server.address().port}`)
})
process.stdin.on('end', () => process.exit(0)).resume()
