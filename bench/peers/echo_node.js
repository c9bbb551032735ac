#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// echo_node - the echo server on node: one 'data' callback per read.
'use strict'
const [host, port] = process.argv[2].split(':')
require('net').createServer({ noDelay: true }, (c) => {
  c.on('data', (data) => c.write(data))
  c.on('error', () => c.destroy())
}).listen({ host, port, backlog: 4096 }, () => {
  console.log('listening on ' + process.argv[2])
})
