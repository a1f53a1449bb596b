// What `@runware/sdk-js` does over WebSocket.
import { writeFile } from "node:fs/promises";
import { RunwareServer } from "@runware/sdk-js";

const { RUNWARE_WEBSOCKET_URL: url, IMAGINEART_TOKEN: apiKey } = process.env;
const task = { model: "imagineart:2.0@0", positivePrompt: "a lighthouse", outputFormat: "PNG" };
const small = { ...task, width: 1024, height: 1024 };

async function save(name, imageURL) {
  await writeFile(name, Buffer.from(await (await fetch(imageURL)).arrayBuffer()));
}

async function refusal(running) {
  try {
    await running;
  } catch (error) {
    return error.error.code;
  }
  return "none";
}

const client = new RunwareServer({ apiKey, url });
const [one] = await client.imageInference(small);
await save("one.png", one.imageURL);
const four = await client.imageInference({ ...small, numberResults: 4 });
const inputs = { referenceImages: [one.imageURL] };
const [edited] = await client.imageInference({ ...task, inputs, width: 1536, height: 1536 });
await save("edited.png", edited.imageURL);
const [accepted] = await client.imageInference({ ...small, deliveryMethod: "async" });
let polled = {};
while (!polled.imageURL) {
  [polled] = await client.getResponse({ taskUUID: accepted.taskUUID });
}
const nsfw = { positivePrompt: "an nsfw lighthouse", checkNSFW: true };
const [{ NSFWContent: unsafe }] = await client.imageInference({ ...small, ...nsfw });
const refused = await refusal(client.imageInference({ ...small, steps: 30 }));
await client.disconnect();
const stranger = new RunwareServer({ apiKey: "no key", url, shouldReconnect: false });
const badKey = await refusal(stranger.imageInference(small));
const images = new Set([...four, polled].map((each) => each.imageURL)).size;
console.log(JSON.stringify({ images, unsafe, refused, "bad key": badKey }));
process.exit(0);
