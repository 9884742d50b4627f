// Sends HL7 v2 messages over MLLP with node-hl7-client and prints the acknowledgements.
//
//   node hl7_client.js PORT < MESSAGES   (JSON: an array of messages, one connection for all)
const { Client, Message } = require('node-hl7-client');

const messages = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const answers = [];
const client = new Client({ host: '127.0.0.1' });
const connection = client.createConnection({ port: Number(process.argv[2]) }, async (response) => {
  answers.push(response.getMessage().toString());
  if (answers.length < messages.length) return next();
  await connection.close();
  process.stdout.write(JSON.stringify(answers));
});
const next = () => connection.sendMessage(new Message({ text: messages[answers.length] }));
connection.once('connect', next);
