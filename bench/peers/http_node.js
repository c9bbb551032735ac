#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// http_node - "Hello, World!" with node's http module.
'use strict'
const [host, port] = process.argv[2].split(':')
const server = require('http').createServer((request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/plain', 'Content-Length': 13 })
  response.end('Hello, World!')
})
server.keepAliveTimeout = 0 // as the others here: no limit that matters
server.listen({ host, port, backlog: 4096 }, () => {
  console.log('listening on ' + process.argv[2])
})
