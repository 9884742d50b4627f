// Reads one FHIR R4 resource a line on stdin; writes one line of JSON each:
// {"valid": boolean, "messages": [{"severity", "location", "message"}]}.
const readline = require("node:readline");
const { Fhir } = require("fhir");

const fhir = new Fhir();

function verdict(resource) {
  try {
    const { valid, messages } = fhir.validate(resource, { errorOnUnexpected: true });
    return {
      valid,
      messages: messages.map(({ severity, location, message }) => ({ severity, location, message })),
    };
  } catch (error) {
    const message = `the validator failed: ${error.message}`;
    return { valid: false, messages: [{ severity: "fatal", location: "", message }] };
  }
}

const lines = readline.createInterface({ input: process.stdin, terminal: false });
lines.on("line", (line) => process.stdout.write(`${JSON.stringify(verdict(JSON.parse(line)))}\n`));
