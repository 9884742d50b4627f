// fhir-kit-client against a server: a create answered later, and a bulk export.
'use strict';

(async () => {
  const {Client} = await import('fhir-kit-client');
  const [baseUrl, token] = process.argv.slice(2);
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks));
  const client = new Client({baseUrl, bearerToken: token});
  const options = {headers: {Prefer: 'respond-async'}};

  async function answerTo(taken) {
    const {response} = Client.httpFor(taken);
    const place = response.headers.get('content-location');
    for (;;) {
      const said = await client.request(place);
      if (Client.httpFor(said).response.status === 200) return [response.status, said];
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const [taken, answer] = await answerTo(
    await client.create({resourceType: 'Observation', body, options}));
  const {location, status} = answer.entry[0].response;
  const ecg = await client.request(location);

  const [begun, manifest] = await answerTo(await client.operation(
    {name: 'export', method: 'GET', input: {_type: 'Observation'}, options}));
  const file = await fetch(
    manifest.output[0].url, {headers: {authorization: `Bearer ${token}`}});
  const lines = (await file.text()).trim().split('\n').map((line) => JSON.parse(line));
  console.log(JSON.stringify({
    taken, status, ecg: ecg.resourceType, begun, type: manifest.output[0].type,
    exported: lines.some((each) => ecg.id.startsWith(each.id.replace(/-[a-z]+$/, ''))),
  }));
})();
