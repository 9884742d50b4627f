// Posts an ECG over gRPC and prints the report's name and conclusion.
//   npm install @grpc/grpc-js @grpc/proto-loader
//   TOKEN=… node post_ecg.js ecg.json 127.0.0.1:50051 path/to/protos
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [file, target, protos] = process.argv.slice(2);
const definition = loader.loadSync('ecgsvc/v1/analysis.proto', {includeDirs: [protos]});
const {AnalysisService} = grpc.loadPackageDefinition(definition).ecgsvc.v1;

const client = new AnalysisService(target, grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.TOKEN}`);
const request = {observation: {json: fs.readFileSync(file)}};
const deadline = Date.now() + 60000;

client.analyzeEcg(request, metadata, {deadline}, (error, reply) => {
  if (error) {
    const [outcome] = error.metadata.get('operation-outcome-bin');
    console.error(outcome ? outcome.toString() : error.message);
    process.exitCode = 1;
  } else {
    const report = JSON.parse(reply.report.json);
    console.log(JSON.stringify({name: reply.name, conclusion: report.conclusion}));
  }
  client.close();
});
