// fhir-kit-client against a server: create, read, vread, search, next page, capability.
'use strict';

(async () => {
  const {Client} = await import('fhir-kit-client');
  const [baseUrl, token] = process.argv.slice(2);
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks));
  const client = new Client({baseUrl, bearerToken: token});

  const capability = await client.capabilityStatement();
  const created = await client.create({resourceType: 'Observation', body});
  const reportId = created.id.replace(/-ecg$/, '');
  const report = await client.read({resourceType: 'DiagnosticReport', id: reportId});
  const version = await client.vread(
    {resourceType: 'DiagnosticReport', id: reportId, version: '1'});
  const query = {patient: body.subject.reference, _count: '1'};
  const first = await client.search({resourceType: 'DiagnosticReport', searchParams: query});
  const second = await client.nextPage({bundle: first});
  let refusal;
  try {
    await client.read({resourceType: 'DiagnosticReport', id: 'none'});
  } catch (error) {
    refusal = error.response.status;
  }
  console.log(JSON.stringify({
    fhirVersion: capability.fhirVersion, created: created.resourceType,
    report: report.id === reportId && report.status, version: version.meta.versionId,
    pages: [first.entry.length, second.entry.length], refusal,
  }));
})();
